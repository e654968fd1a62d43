"""The broker goes down in mid-study: ingest keeps acknowledging, and the rest catches up."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploy.kafka.broker import KafkaCluster
from services.demo import STUDY
from shared.contracts.topics import FACTS
from tests.chaos.harness import services, wait_for
from tests.chaos.listener import Listener
from tests.chaos.sink import webhook_sink
from tests.chaos.trial import Sender, beginning, chunks, connected, new_sender
from tests.chaos.truth import check_everything
from tests.kafka_support import require_own_kafka

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.kafka]

_WAITING = sa.text(
    "SELECT count(*) FROM bus.outbox o JOIN bus.cursor c USING (topic)"
    " WHERE c.group_name = 'relay' AND topic = :topic"
    " AND (o.xid, o.id) > (CAST(CAST(c.major AS text) AS xid8), c.minor)"
)


def waiting(sender: Sender) -> int:
    """Facts that are stored but that the broker has not confirmed."""
    with connected(sender.vigil.database_url()) as conn:
        count: int = conn.execute(_WAITING, {"topic": FACTS.name}).scalar_one()
        return count


def says_unknown(sender: Sender) -> bool:
    """Whether the question if a subject may be dosed gets no answer."""
    answer = sender.vigil.ask(
        "GET",
        f"/monitor/v1/studies/{STUDY}/enrolment",
        sender.keys.reader,
        params={"dose_level": 1},
    )
    return answer is None


def test_ingest_goes_on_and_the_rest_catches_up(folder: Path, database_url: str) -> None:
    require_own_kafka()
    with (
        KafkaCluster(folder / "kafka") as kafka,
        services(folder, database_url, kafka.bootstrap_servers) as vigil,
        webhook_sink(seed=0) as sink,
        ExitStack() as stack,
    ):
        vigil.start_all(beginning())
        sender = new_sender(vigil)
        sender.begin(sink.url)
        listener = stack.enter_context(Listener(vigil, sender.keys.reader))
        third = len(chunks()) // 3
        for chunk in chunks()[:third]:
            sender.send(chunk)
        wait_for("the broker to have everything", lambda: waiting(sender) == 0)
        wait_for("the monitor to answer", lambda: not says_unknown(sender))

        kafka.kill(1)
        during = chunks()[third : 2 * third]
        for chunk in during:
            sender.send(chunk)
        assert sender.resent == 0
        assert waiting(sender) == sum(len(chunk.events) for chunk in during)
        assert vigil.answers("ingest", "/readyz")
        wait_for("the monitor to say that it does not know", lambda: says_unknown(sender))

        kafka.restart(1)
        for chunk in chunks()[2 * third :]:
            sender.send(chunk)
        check_everything(sender, sink, listener)
        assert waiting(sender) == 0
