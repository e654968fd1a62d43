"""`vigil serve` as a process: its first start, its restart, and its end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from services.demo import STUDY
from services.demo.table import read_protocol
from tests.conftest import _free_port

START_SECONDS = 120.0


class Served:
    """A running `vigil serve` with what it prints."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.lines: list[str] = []
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(self.process.stderr)

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert self.process.poll() is None, "".join(self.lines)
            try:
                if httpx2.get(self.url + "/readyz", timeout=60).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
        pytest.fail("not ready: " + "".join(self.lines))

    def keys(self) -> dict[str, str]:
        """The keys it printed, by role."""
        words = [line.split() for line in self.lines if " vigil_" in line]
        return {found[1]: found[2] for found in words}

    def end(self) -> float:
        """Sends SIGTERM and gives the seconds until the process has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._reader.join(5)
        return time.monotonic() - began


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    port = _free_port()
    leave_out = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "VIGIL_CLOCK_FILE")
    environment = {key: value for key, value in os.environ.items() if key not in leave_out}
    program = [sys.executable, "-c", "from services.cli import main; main()", "serve"]
    process = subprocess.Popen(
        [*program, "--data-dir", str(folder), "--port", str(port), "--study", STUDY],
        env=environment | {"VIGIL_LOG_LEVEL": "ERROR"},
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Served(process, f"http://127.0.0.1:{port}")
    try:
        running.wait_until_ready()
        yield running
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        running._reader.join(5)
        process.stderr.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own folder: as root, the database's unprivileged user cannot enter it.
    with tempfile.TemporaryDirectory(prefix="vigil-", ignore_cleanup_errors=True) as found:
        Path(found).chmod(0o755)
        yield Path(found) / "data"


@pytest.mark.slow
def test_keys_are_shown_once_data_stay_and_streams_do_not_hold_it_up(folder: Path) -> None:
    with served(folder) as first:
        keys = first.keys()
        assert set(keys) == {
            "edc_source",
            "medical_monitor",
            "committee_member",
            "study_admin",
            "auditor",
        }
        admin = {"Authorization": f"Bearer {keys['study_admin']}"}
        put = httpx2.put(
            f"{first.url}/ingest/v1/studies/{STUDY}/protocol",
            content=read_protocol(),
            headers={**admin, "Content-Type": "application/yaml"},
            timeout=60,
        )
        assert put.status_code == 202
        monitor = {"Authorization": f"Bearer {keys['medical_monitor']}"}
        stream = f"{first.url}/notifier/v1/alerts/stream?study={STUDY}"
        with httpx2.stream("GET", stream, headers=monitor, timeout=30) as answer:
            assert answer.status_code == 200
            assert first.end() < 10
        assert first.process.returncode == 0

    with served(folder) as second:
        assert second.keys() == {}
        path = f"{second.url}/monitor/v1/studies/{STUDY}/assessment"
        assert httpx2.get(path, headers=monitor, timeout=60).json()["protocol_version"] == "1"
        assert second.end() < 10
