"""The two systems that are compared, as processes of their own on one PostgreSQL and one broker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2
import psycopg
from kafka import KafkaAdminClient

from bench.bare import SCHEMA, TOPIC, wait_for
from bench.load import protocol_of, start_of_trial
from bench.sender import Post
from deploy.kafka.broker import KafkaCluster
from deploy.kafka.process import die_with_parent
from services import HISTORIES
from shared.contracts.topics import FACTS
from shared.runtime.auth import create_key
from shared.runtime.clock import FileClock
from shared.runtime.db import create_engine, migrate
from shared.runtime.embedded_postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
_BARE = (sys.executable, "-m", "bench.bare")
_VIGIL = str(Path(sys.executable).with_name("vigil"))
ROLES = ("edc_source", "medical_monitor", "committee_member", "study_admin")


class Ground:
    """What both stand on: PostgreSQL, and a broker if there is to be one."""

    def __init__(self, folder: Path, kafka: bool) -> None:
        self.folder = folder
        self._kafka = kafka
        self._stack = ExitStack()
        self.servers: str | None = None
        self.postgres = EmbeddedPostgres(folder / "postgres")

    def __enter__(self) -> Ground:
        with ExitStack() as stack:
            stack.enter_context(self.postgres)
            if self._kafka:
                self.servers = stack.enter_context(
                    KafkaCluster(self.folder / "kafka")
                ).bootstrap_servers
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def new_database(self, name: str) -> str:
        """A URL as SQLAlchemy wants it."""
        with psycopg.connect(plain(self.postgres.url("postgres")), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}".encode())
        return self.postgres.url(name)


class System(ABC):
    """Processes that are started once and measured several times."""

    name: str

    def __init__(self, ground: Ground, database: str) -> None:
        self.ground = ground
        self.database = ground.new_database(database)
        self.watch: psycopg.Connection[Any] = psycopg.connect(plain(self.database), autocommit=True)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    @abstractmethod
    def start(self) -> None:
        """Returns when it can be posted to."""

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        self.watch.close()

    def spawn(self, name: str, command: Sequence[str], **environment: str) -> None:
        """Starts one process; its words go to a file of its own."""
        self.ports[name] = free_port()
        with (self.ground.folder / f"{self.name}-{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*command, "--port", str(self.ports[name])],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - Linux ends the child with us
            )

    def count(self, query: str, *values: Any) -> int:
        """One number from the system's own database."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"{self.name}'s process {name} has ended: see its log")
        row = self.watch.execute(query.encode(), values).fetchone()
        return int(row[0] or 0) if row else 0

    def cpu_seconds(self) -> float:
        """CPU time of its own processes so far and of those they have started; not the database's
        and not the broker's."""
        own = [process.pid for process in self.processes.values()]
        return sum(_cpu_seconds(pid) for one in own for pid in (one, *_started_by(one)))


class Bare(System):
    """The bare pipeline, up to a webhook if there is one."""

    name = "bare"

    def __init__(self, ground: Ground, database: str, *, webhook: str = "") -> None:
        super().__init__(ground, database)
        self._webhook = webhook

    def start(self) -> None:
        self.watch.execute(SCHEMA.encode())
        environment = {"BARE_DATABASE": plain(self.database), "BARE_WEBHOOK": self._webhook}
        if self.ground.servers is None:
            self.spawn("door", [*_BARE, "all"], **environment)
        else:
            environment["BARE_KAFKA"] = self.ground.servers
            _make_topic(self.ground.servers)
            self.spawn("reader", [*_BARE, "reader"], **environment)
            self.spawn("door", [*_BARE, "door"], **environment)
        wait_for("the bare pipeline", lambda: _answers(self.ports["door"], "/docs"))

    @property
    def port(self) -> int:
        return self.ports["door"]

    def prepare(self, studies: Sequence[str]) -> None:
        """Nothing is known about any study."""

    def post(self, study: str, body: bytes, at: float | None = None) -> Post:
        """The request that brings these lines in."""
        return Post(f"/events/{study}", {"Content-Type": "application/x-ndjson"}, body, at)

    def applied(self, _studies: Sequence[str]) -> int:
        """Lines that have come out at the end."""
        return self.count("SELECT lines FROM position WHERE reader = 'reader'")


class Vigil(System):
    """Vigil as it is installed: one process embedded, or a process a service over Kafka."""

    name = "vigil"

    def __init__(self, ground: Ground, database: str, *, live: bool = False) -> None:
        super().__init__(ground, database)
        self.clock = None if live else FileClock(ground.folder / "clock")
        self._engine = create_engine(self.database, application_name="bench")
        self._keys: dict[str, str] = {}

    def start(self) -> None:
        for package in HISTORIES:
            migrate(self._engine, package)
        environment = {
            "DATABASE_URL": self.database,
            "VIGIL_LOG_LEVEL": "WARNING",
            "VIGIL_WEBHOOK_TRUSTED_HOSTS": "127.0.0.1",
        }
        if self.clock is not None:
            self.clock.set(start_of_trial())
            environment["VIGIL_CLOCK_FILE"] = str(self.clock.path)
        if self.ground.servers is None:
            self.spawn("ingest", [_VIGIL, "serve"], **environment)
        else:
            environment["KAFKA_BOOTSTRAP_SERVERS"] = self.ground.servers
            for service in ("ingest", "dlt_monitor", "notifier"):
                self.spawn(service, [_VIGIL, "run", service], **environment)
        for name in self.processes:
            port = self.ports[name]
            wait_for(f"Vigil's {name}", partial(_answers, port, "/readyz"))

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._engine.dispose()

    @property
    def port(self) -> int:
        return self.ports["ingest"]

    def prepare(self, studies: Sequence[str]) -> None:
        """A key and a protocol for each study; returns when the monitor has them."""
        if self.clock is not None:
            self.clock.set(start_of_trial())
        with self._engine.begin() as conn:
            for study in studies:
                grants = [(study, role) for role in ROLES]
                self._keys[study] = create_key(conn, f"bench {study}", grants)
        for study in studies:
            self._put_protocol(study)
        wait_for("the protocols", lambda: self.applied(studies) == len(studies))

    def post(self, study: str, body: bytes, at: float | None = None) -> Post:
        """The request that brings these lines in."""
        headers = {
            "Content-Type": "application/x-ndjson",
            "Authorization": f"Bearer {self._keys[study]}",
        }
        return Post("/ingest/v1/events", headers, body, at)

    def applied(self, studies: Sequence[str]) -> int:
        """Facts, protocols among them, that the studies' latest committed assessments rest on."""
        query = "SELECT sum(facts) FROM dlt_monitor.study WHERE study = ANY(%s)"
        return self.count(query, list(studies))

    def route(self, study: str, routing: str) -> None:
        """Puts a routing in force."""
        port = self.ports.get("notifier", self.port)
        self._put(port, f"notifier/v1/studies/{study}/routing", study, routing.encode())

    def _put_protocol(self, study: str) -> None:
        path = f"ingest/v1/studies/{study}/protocol"
        self._put(self.port, path, study, protocol_of(study))

    def _put(self, port: int, path: str, study: str, document: bytes) -> None:
        answer = httpx2.put(
            f"http://127.0.0.1:{port}/{path}",
            content=document,
            headers={
                "Content-Type": "application/yaml",
                "Authorization": f"Bearer {self._keys[study]}",
            },
            timeout=30,
        )
        answer.raise_for_status()


def plain(url: str) -> str:
    """A SQLAlchemy URL as libpq reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def _make_topic(servers: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    partitions = {"num_partitions": FACTS.partitions, "replication_factor": 1}
    admin.create_topics({TOPIC: partitions}, wait_for_metadata=True)
    admin.close()


def _answers(port: int, path: str) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _started_by(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
