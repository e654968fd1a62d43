"""The topics: names and partitions are part of the contract."""

from __future__ import annotations

from shared.contracts import topics


def test_changing_a_topic_is_a_change_of_contract() -> None:
    """With another partition count a study's key would land elsewhere and lose its order."""
    assert {topic.name: (topic.producer, topic.partitions) for topic in topics.ALL} == {
        "vigil.facts.v1": ("ingest", 12),
        "vigil.graded.v1": ("dlt_monitor", 12),
        "vigil.assessments.v1": ("dlt_monitor", 12),
        "vigil.signals.v1": ("dlt_monitor", 12),
        "vigil.receipts.v1": ("notifier", 12),
        "vigil.parked.v1": ("any", 12),
    }
    assert all(topic.retention_ms >= 7 * 24 * 3600 * 1000 for topic in topics.ALL)
