"""The writer in a process of its own: it is replaced when it dies, and dies with its server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from services.dlt_monitor.apart import Apart
from services.dlt_monitor.store import studies
from shared.runtime.clock import FileClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.wakeup import Wakeup
from tests.services.dlt_monitor.station import wait_for
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, publish

START_SECONDS = 120.0
"""For a process on a busy machine."""

_SERVER = """
import sys, time
from pathlib import Path
from services.dlt_monitor.apart import Apart
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.wakeup import Wakeup
apart = Apart(Settings(database_url=sys.argv[1]), Wakeup(), Metrics())
apart.start()
while apart.state().facts is not None:
    time.sleep(0.02)
print(apart.pid, flush=True)
time.sleep(600)
"""


@dataclass
class Server:
    """As much of one as the writer needs: its event log and its page of metrics."""

    engine: Engine
    bus: PostgresBus
    metrics: Metrics
    apart: Apart

    def wait_until_ready(self) -> int:
        wait_for(lambda: self.apart.state().facts is None, START_SECONDS)
        assert self.apart.pid is not None
        return self.apart.pid

    def wait_for_facts(self, count: int) -> None:
        wait_for(lambda: self._facts() == count, START_SECONDS)

    def _facts(self) -> int:
        with self.engine.connect() as conn:
            row = studies.study_row(conn, STUDY)
        return 0 if row is None else row.facts


@pytest.fixture
def server(engine: Engine, settings: Settings, tmp_path: Path) -> Iterator[Server]:
    FileClock(tmp_path / "clock").set(at(date(2026, 1, 14)))
    wakeup, metrics = Wakeup(), Metrics()
    apart = Apart(replace(settings, clock_file=tmp_path / "clock"), wakeup, metrics)
    apart.start()
    with PostgresBus(engine, wakeup) as bus:
        yield Server(engine, bus, metrics, apart)
    apart.stop()


def is_running(pid: int) -> bool:
    """False for one that has ended, also where nobody has asked yet how."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_a_killed_writer_is_replaced_and_nothing_is_lost(server: Server, trial: Trial) -> None:
    assert server.apart.state().deadlines is not None
    first = server.wait_until_ready()
    publish(server.engine, server.bus, [trial.protocol(), *trial.treated("1-01")])
    server.wait_for_facts(6)

    os.kill(first, signal.SIGSTOP)
    publish(server.engine, server.bus, [trial.platelets("1-01", DAY_1, "18")])
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: server.apart.state().facts is not None)
    server.wait_for_facts(7)
    second = server.wait_until_ready()
    assert second != first
    wait_for(lambda: server.apart.state().last_known_at == at(DAY_1))

    line = 'vigil_messages_handled_total{group="dlt_monitor",topic="vigil.facts.v1"} 1.0'
    wait_for(lambda: line in server.metrics.text().decode())
    page = server.metrics.text().decode().splitlines()
    families = [one for one in page if one.startswith("# TYPE")]
    assert len(families) == len(set(families))

    server.apart.stop()
    assert not is_running(second)
    assert server.apart.state().facts is not None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_writer_ends_with_its_server_however_that_ends(settings: Settings) -> None:
    assert settings.database_url is not None
    parent = subprocess.Popen(
        [sys.executable, "-c", _SERVER, settings.database_url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    wait_for(lambda: not is_running(pid))


def test_what_a_neighbour_rings_is_not_rung_back() -> None:
    rung: list[int] = []
    wakeup = Wakeup()
    wakeup.neighbour = lambda: rung.append(1)
    before = wakeup.count()
    wakeup.hear()
    assert (wakeup.count(), rung) == (before + 1, [])
    wakeup.ring()
    assert (wakeup.count(), rung) == (before + 2, [1])


def test_a_writer_that_was_never_started_stops(settings: Settings) -> None:
    apart = Apart(settings, Wakeup(), Metrics())
    apart.stop()
    assert apart.pid is None
    assert apart.state().facts is not None
