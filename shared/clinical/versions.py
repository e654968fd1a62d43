"""Which version of the protocol is in force, and since when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from operator import itemgetter

from shared.clinical.history import History
from shared.clinical.protocol import Protocol, load_protocol
from shared.clinical.rule_versions import RuleVersions
from shared.contracts.facts import Protocol as ProtocolRecord


class Versions:
    """The protocols among a study's own records, as they are when first asked."""

    def __init__(self, own: History) -> None:
        self._own = own
        self._of_rules: dict[int, RuleVersions] = {}

    def in_force(self, known_at: datetime | None) -> Protocol | None:
        """The highest revision of the one that became known last, by what was known at a moment
        (None: now)."""
        rules = self.rules(known_at)
        return rules[-1][1] if rules else None

    def rules(self, known_at: datetime | None) -> Sequence[tuple[datetime, Protocol | None]]:
        """Which protocol was in force from when on, by what was known at a moment (None: now)."""
        if known_at is None:
            return self._rules
        return self._rules[: bisect_right(self._rules, known_at, key=itemgetter(0))]

    def rule_versions(self, known_at: datetime) -> RuleVersions:
        """Since which version each rule stands as it does, by what was known at a moment."""
        rules = self.rules(known_at)
        if len(rules) not in self._of_rules:
            self._of_rules[len(rules)] = RuleVersions([one for _, one in rules if one is not None])
        return self._of_rules[len(rules)]

    @cached_property
    def _rules(self) -> list[tuple[datetime, Protocol | None]]:
        told = {one.fact.known_at for one in self._own.entries_of("protocol")}
        return [(moment, self._in_force(moment)) for moment in sorted(told)]

    def _in_force(self, known_at: datetime) -> Protocol | None:
        known = [
            standing.entries[0]
            for standing in self._own.upserts("protocol", known_at)
            if isinstance(standing.entries[0].record, ProtocolRecord)
        ]
        if not known:
            return None
        latest = max(known, key=lambda entry: (entry.fact.known_at, entry.fact.fact_id))
        record = latest.record
        assert isinstance(record, ProtocolRecord)
        return load_protocol(record.document)

    def by_name(self, known_at: datetime) -> dict[str, Protocol]:
        """Every version known at a moment by its name, in the order they came; the latest text of
        each."""
        known = [
            entry
            for standing in self._own.upserts("protocol", known_at)
            for entry in standing.versions
        ]
        known.sort(key=lambda entry: (entry.fact.known_at, entry.fact.version))
        texts = [one.record for one in known if isinstance(one.record, ProtocolRecord)]
        return {load_protocol(one.document).version: load_protocol(one.document) for one in texts}
