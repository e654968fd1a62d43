"""`kill -9` of each process at random moments while a study runs: nothing is lost or doubled."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.kafka.broker import KafkaCluster
from tests.chaos.harness import Installation, embedded, services
from tests.chaos.havoc import Havoc
from tests.chaos.listener import Listener
from tests.chaos.sink import webhook_sink
from tests.chaos.trial import Sender, beginning, chunks, new_sender
from tests.chaos.truth import check_everything
from tests.kafka_support import require_own_kafka

pytestmark = [pytest.mark.chaos, pytest.mark.slow]

EMBEDDED_KILLS = 3
KAFKA_KILLS = 4


def survive(
    vigil: Installation, seed: int, kills: int, **others: Callable[[], None]
) -> tuple[Sender, list[str]]:
    """Runs the study under fire and checks everything; what was killed on the way."""
    vigil.start_all(beginning())
    with webhook_sink(seed) as sink:
        sender = new_sender(vigil)
        sender.begin(sink.url)
        with Listener(vigil, sender.keys.reader) as listener:
            with Havoc(vigil, seed=seed, kills=kills, chunks=len(chunks()), others=others) as havoc:
                sender.send_all(havoc.at)
            check_everything(sender, sink, listener)
    return sender, havoc.killed


def test_one_process_with_its_database(embedded_seed: int, folder: Path) -> None:
    with embedded(folder) as vigil:

        def power_cut() -> None:
            kill_postgres(folder / "postgres")
            vigil.kill("serve")
            vigil.start("serve")

        _, killed = survive(vigil, embedded_seed, EMBEDDED_KILLS, power_cut=power_cut)
    assert len(killed) >= EMBEDDED_KILLS


def kill_postgres(folder: Path) -> None:
    """SIGKILL to the server in this folder, if one has got as far as to say its number."""
    with suppress(FileNotFoundError, IndexError, ProcessLookupError):
        number = (folder / "data" / "postmaster.pid").read_text("utf-8").split()[0]
        os.kill(int(number), signal.SIGKILL)


@pytest.mark.kafka
def test_each_service_and_the_broker(kafka_seed: int, folder: Path, database_url: str) -> None:
    require_own_kafka()
    with KafkaCluster(folder / "kafka") as kafka:

        def broker() -> None:
            kafka.kill(1)
            kafka.restart(1)

        with services(folder, database_url, kafka.bootstrap_servers) as vigil:
            _, killed = survive(vigil, kafka_seed, KAFKA_KILLS, broker=broker)
    assert len(killed) >= KAFKA_KILLS
