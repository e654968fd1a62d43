"""Real processes that can be killed: `vigil serve`, or `vigil run` for each service.

They get what compose gives them, a simulated clock in a file, and a log file each. Whatever ends by
itself is a failure; its log's end is then part of the message (logs hold no health data).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from deploy.kafka.process import die_with_parent
from shared.runtime.clock import FileClock
from shared.runtime.embedded_postgres import running_url

ROOT = Path(__file__).resolve().parents[2]
VIGIL = Path(sys.executable).with_name("vigil")
PATIENCE_SECONDS = 120.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
TAIL_LINES = 40

SERVICES = {"ingest": "ingest", "monitor": "dlt_monitor", "notifier": "notifier"}
"""The first part of an address, and the service that answers there."""

_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")


def wait_for(what: str, condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The condition's first true value. AssertionError names `what` did not come true in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        pause.wait(POLL_SECONDS)
    return value


class Installation:
    """The processes, their addresses and their database, between enter and exit.

    Nothing survives: a process dies with the test's own, and an embedded database with its owner.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        command: Callable[[str, int], Sequence[str]],
        environment: Mapping[str, str],
        database_url: Callable[[], str | None],
    ) -> None:
        self.names = tuple(names)
        self.clock = FileClock(folder / "clock")
        self.database_url = database_url
        self.started_at = time.time()
        """When the latest of the processes was started."""
        self._folder = folder
        self._command = command
        self._environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "VIGIL_LOG_LEVEL": "WARNING",
            "VIGIL_CLOCK_FILE": str(self.clock.path),
            "VIGIL_WEBHOOK_TRUSTED_HOSTS": "127.0.0.1",
            **environment,
        }
        self._ports = dict(zip(self.names, _free_ports(len(self.names)), strict=True))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        # Linux ends a child with the *thread* that forked it; this one lives as long as they may.
        self._spawner = ThreadPoolExecutor(1, "spawner")
        self._client = httpx2.Client(timeout=30.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(self.tails())
        for process in self._running.values():
            process.kill()
            process.wait()
        self._client.close()
        self._spawner.shutdown()

    # -- life and death -------------------------------------------------------------------------

    def start_all(self, at: datetime) -> None:
        """Sets the clock, starts every process and waits until each is ready."""
        self.clock.set(at)
        for name in self.names:
            self.start(name)
        wait_for("every process to be ready", self.is_ready)

    def start(self, name: str) -> None:
        """Starts a process at its address; returns before it answers."""
        with self._log(name).open("ab") as log:
            self._running[name] = self._spawner.submit(
                subprocess.Popen,
                [str(VIGIL), *self._command(name, self._ports[name])],
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),
            ).result()
        self.started_at = time.time()

    def kill(self, name: str) -> None:
        """SIGKILL: nothing flushed, no goodbye."""
        process = self._running.pop(name)
        code = process.poll()
        process.kill()
        process.wait()
        assert code is None, f"{name} had ended by itself with {code}"

    def stop(self, name: str, then: Callable[[], None] = lambda: None) -> float:
        """SIGTERM, then `then`; the seconds until the process had ended with status 0."""
        process = self._running.pop(name)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        then()
        try:
            process.wait(3 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not end:\n{self.tails()}") from None
        assert process.returncode == 0, f"{name} ended with {process.returncode}"
        return time.monotonic() - began

    def is_ready(self) -> bool:
        """Whether every process says that it is ready. AssertionError if one ended by itself."""
        for name, process in list(self._running.items()):
            code = process.poll()
            assert code is None, f"{name} ended by itself with {code}"
        return all(self.answers(name, "/readyz") for name in self.names)

    def answers(self, name: str, path: str) -> bool:
        """Whether a process answers a public path with 200."""
        with suppress(httpx2.TransportError):
            return self._client.get(self.base(name) + path).status_code == 200
        return False

    # -- talking to it --------------------------------------------------------------------------

    def base(self, name: str) -> str:
        """The address of a process."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def url(self, path: str) -> str:
        """The address of a path, at whichever process answers it."""
        service = SERVICES[path.split("/")[1]]
        return self.base(service if service in self._ports else self.names[0]) + path

    def ask(self, method: str, path: str, key: str, **more: Any) -> httpx2.Response | None:
        """One request. None where nobody answers, or it is answered that now is a bad time.

        AssertionError for every other status: a killed neighbour is no reason for it.
        """
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        try:
            answer = self._client.request(method, self.url(path), headers=headers, **more)
        except httpx2.TransportError:
            return None
        if answer.status_code == 503:
            return None
        assert answer.is_success, f"{method} {path.rsplit('/', 1)[0]}: {answer.text}"
        return answer

    def get(self, path: str, key: str, **params: Any) -> Any:
        """The JSON of a path, asked for until it is given."""
        answer = wait_for(f"an answer of {path}", lambda: self.ask("GET", path, key, params=params))
        return answer.json()

    # -- logs -----------------------------------------------------------------------------------

    def logs(self) -> str:
        """Everything the processes have said."""
        return "\n".join(self._text(name) for name in self.names)

    def tails(self) -> str:
        """The ends of the logs, by process."""
        ends = (self._text(name).splitlines()[-TAIL_LINES:] for name in self.names)
        parts = zip(self.names, ends, strict=True)
        return "\n".join(f"--- {name}\n" + "\n".join(lines) for name, lines in parts)

    def _text(self, name: str) -> str:
        log = self._log(name)
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def embedded(folder: Path) -> Installation:
    """`vigil serve`: one process that owns its PostgreSQL and loses it when it is killed."""
    data = folder / "postgres"
    return Installation(
        folder,
        ["serve"],
        lambda _name, port: ["serve", "--port", str(port)],
        {"VIGIL_DATA_DIR": str(data)},
        lambda: running_url(data),
    )


def services(folder: Path, database_url: str, kafka: str | None) -> Installation:
    """`vigil run` for each service, on a PostgreSQL and a broker that are there."""
    environment = {"DATABASE_URL": database_url}
    if kafka is not None:
        # Fewer partitions than by the contract are made sooner; a study has one either way.
        environment |= {"KAFKA_BOOTSTRAP_SERVERS": kafka, "KAFKA_PARTITIONS": "3"}
    return Installation(
        folder,
        list(SERVICES.values()),
        lambda name, port: ["run", name, "--port", str(port)],
        environment,
        lambda: database_url,
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
