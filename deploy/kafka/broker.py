"""Run a real Apache Kafka on this machine: ``python -m deploy.kafka.broker start --dir DIR``.

Whatever claims that Vigil works on Kafka has to be shown on Kafka, also where there is no Docker.
``KafkaCluster`` starts one broker, or three that survive the loss of one, in a folder of its own.
No broker outlives the process that started it.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from deploy.kafka.jars import KafkaUnavailable, fetch_jars, java, kafka_version, why_unavailable
from deploy.kafka.layout import (
    HOST,
    Layout,
    Node,
    is_free,
    load_layout,
    new_layout,
    save_layout,
    server_properties,
)
from deploy.kafka.process import brokers_known_at, die_with_parent, end

__all__ = ["KafkaCluster", "KafkaUnavailable", "why_unavailable"]

# Generous: it is only ever waited out when something is wrong, and CI machines are slow.
_START_SECONDS = 90
_POLL_SECONDS = 0.05
_LOG_TAIL_LINES = 25
_JVM_OPTIONS = (
    "-Xmx384m",
    # A broker that lives for one test run gains more from starting quickly than from peak speed.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)


class KafkaCluster:
    """Combined broker/controllers on 127.0.0.1, numbered from 1, with their data in ``directory``.

    A directory used before is taken up again: same data, same ports. ``port`` fixes the first
    client port, the next brokers count up from it. ``sasl`` (user, password) adds a listener that
    asks for them (SASL_PLAINTEXT, mechanism PLAIN).
    """

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        *,
        port: int | None = None,
        sasl: tuple[str, str] | None = None,
    ) -> None:
        if brokers < 1:
            raise ValueError("a cluster has at least one broker")
        self._directory = directory.absolute()
        self._brokers = brokers
        self._port = port
        self._sasl = sasl
        self._layout: Layout | None = None
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._spawner: ThreadPoolExecutor | None = None
        self._claim: IO[str] | None = None

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"{HOST}:{node.client_port}" for node in self._nodes())

    @property
    def sasl_bootstrap_servers(self) -> str:
        if self._sasl is None:
            raise KafkaUnavailable("no SASL listener: give KafkaCluster sasl=(user, password)")
        return ",".join(f"{HOST}:{node.sasl_port}" for node in self._nodes())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return when every broker answers and knows of all others."""
        jars = fetch_jars()
        self._claim = _claim(self._directory)
        try:
            # Linux ends a child with the *thread* that forked it, so the brokers get a thread
            # which lives exactly as long as they may.
            self._spawner = ThreadPoolExecutor(1, "kafka-spawner")
            self._layout = self._settle_layout()
            self._format(self._layout, jars)
            for node in self._nodes():
                self._launch(node, jars)
            self._await_answers(self._nodes())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        end(self._running.values())
        self._running.clear()
        if self._spawner is not None:
            self._spawner.shutdown()
            self._spawner = None
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def kill(self, node_id: int) -> None:
        """Like a power cut: SIGKILL, nothing flushed, no goodbye."""
        process = self._running.pop(node_id)
        process.kill()
        process.wait()

    def restart(self, node_id: int) -> None:
        """Bring a node back on its data and ports, stopping it in good order if it runs."""
        if node_id in self._running:
            end([self._running.pop(node_id)])
        node = next(node for node in self._nodes() if node.node_id == node_id)
        self._launch(node, fetch_jars())
        self._await_answers([node])

    def check(self) -> None:
        """Raise if a broker ended by itself."""
        for node_id, process in self._running.items():
            if process.poll() is not None:
                raise KafkaUnavailable(
                    f"broker {node_id} ended by itself with status {process.returncode}.\n"
                    + _tail(self._log(node_id))
                )

    def _nodes(self) -> tuple[Node, ...]:
        if self._layout is None:
            raise KafkaUnavailable("the cluster was not started")
        return self._layout.nodes

    def _home(self, node_id: int) -> Path:
        return self._directory / f"node-{node_id}"

    def _log(self, node_id: int) -> Path:
        return self._home(node_id) / "broker.log"

    def _settle_layout(self) -> Layout:
        file = _layout_file(self._directory)
        layout = load_layout(file) or new_layout(self._brokers, self._port)
        if len(layout.nodes) != self._brokers:
            raise KafkaUnavailable(
                f"{self._directory} holds a cluster of {len(layout.nodes)}: "
                "ask for as many brokers, or use another directory"
            )
        if self._port is not None and layout.nodes[0].client_port != self._port:
            raise KafkaUnavailable(
                f"{self._directory} holds a cluster on port {layout.nodes[0].client_port}: "
                "ask for that port, or use another directory"
            )
        for node in layout.nodes:
            for port in (node.client_port, node.controller_port, node.sasl_port):
                if not is_free(port):
                    raise KafkaUnavailable(
                        f"port {port} is taken by another program: "
                        "stop it, or use another directory and port"
                    )
        save_layout(layout, file)
        return layout

    def _format(self, layout: Layout, jars: Path) -> None:
        """Write each node's settings, and its storage where it has none; all nodes at once."""
        formatting = {}
        for node in layout.nodes:
            home = self._home(node.node_id)
            home.mkdir(exist_ok=True)
            settings = home / "server.properties"
            # Before the password is in it.
            settings.touch(mode=0o600)
            settings.write_text(server_properties(layout, node, self._sasl), "ascii")
            if not (home / "data" / "meta.properties").exists():
                formatting[node.node_id] = self._spawn(
                    node.node_id,
                    jars,
                    [
                        "kafka.tools.StorageTool",
                        "format",
                        f"--config={settings.name}",
                        f"--cluster-id={layout.cluster_id}",
                        f"--initial-controllers={layout.voters()}",
                    ],
                )
        for node_id, process in formatting.items():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_START_SECONDS)
            if process.returncode != 0:
                raise KafkaUnavailable(
                    f"Kafka could not format the storage of broker {node_id}.\n"
                    + _tail(self._log(node_id))
                )

    def _launch(self, node: Node, jars: Path) -> None:
        self._running[node.node_id] = self._spawn(
            node.node_id, jars, ["kafka.Kafka", "server.properties"]
        )

    def _spawn(self, node_id: int, jars: Path, program: list[str]) -> subprocess.Popen[bytes]:
        if self._spawner is None:
            raise KafkaUnavailable("the cluster was not started")
        command = [java(), *_JVM_OPTIONS, "-cp", f"{jars}/*", *program]
        with self._log(node_id).open("ab") as log:
            return self._spawner.submit(
                subprocess.Popen,
                command,
                cwd=self._home(node_id),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us: we then stop the brokers in good order.
                start_new_session=True,
                preexec_fn=die_with_parent(),
            ).result()

    def _await_answers(self, nodes: Iterable[Node]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        expected = self._running.keys()
        for node in nodes:
            while not expected <= brokers_known_at(node.client_port):
                self.check()
                if time.monotonic() > deadline:
                    raise KafkaUnavailable(
                        f"broker {node.node_id} did not answer within {_START_SECONDS} s: "
                        "the machine may be overloaded.\n" + _tail(self._log(node.node_id))
                    )
                time.sleep(_POLL_SECONDS)


def _layout_file(directory: Path) -> Path:
    return directory / "cluster.json"


def _claim(directory: Path) -> IO[str]:
    """Hold the directory for this process; the open file is the hold, its text says whose it is."""
    directory.mkdir(parents=True, exist_ok=True)
    claim = (directory / "owner").open("a+")
    if not _locks(claim):
        owner = _owner(claim)
        claim.close()
        raise KafkaUnavailable(
            f"process {owner} runs a cluster in {directory}: stop it, or use another directory"
        )
    claim.truncate(0)
    claim.write(str(os.getpid()))
    claim.flush()
    return claim


def _locks(claim: IO[str]) -> bool:
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(claim: IO[str]) -> int:
    claim.seek(0)
    return int(claim.read())


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()[-_LOG_TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *lines])


def _start(options: argparse.Namespace) -> int:
    # SIGTERM then unwinds like Ctrl-C, from wherever the start has got to.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with (
        suppress(KeyboardInterrupt),
        KafkaCluster(options.dir, options.brokers, port=options.port) as cluster,
    ):
        print(
            f"Kafka {kafka_version()} answers after {time.monotonic() - began:.1f} s; "
            f"data and logs are in {options.dir}; Ctrl-C stops it",
            file=sys.stderr,
        )
        print(f"KAFKA_BOOTSTRAP_SERVERS={cluster.bootstrap_servers}", flush=True)
        while True:
            cluster.check()
            time.sleep(1)
    return 0


def _stop(options: argparse.Namespace) -> int:
    owner_file = options.dir / "owner"
    if not owner_file.exists():
        raise KafkaUnavailable(f"no cluster was ever started in {options.dir}")
    with owner_file.open() as claim:
        if _locks(claim):
            print("not running")
            return 0
        os.kill(_owner(claim), signal.SIGTERM)
        fcntl.flock(claim, fcntl.LOCK_EX)
    print("stopped")
    return 0


def _status(options: argparse.Namespace) -> int:
    layout = load_layout(_layout_file(options.dir))
    if layout is None:
        raise KafkaUnavailable(f"no cluster was ever started in {options.dir}")
    answers = [bool(brokers_known_at(node.client_port)) for node in layout.nodes]
    for node, up in zip(layout.nodes, answers, strict=True):
        print(f"broker {node.node_id}  {HOST}:{node.client_port}  {'up' if up else 'down'}")
    return 0 if all(answers) else 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka.broker", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, purpose in (
        ("start", _start, "run in the foreground until Ctrl-C or SIGTERM"),
        ("stop", _stop, "end the cluster of a directory and wait for it"),
        ("status", _status, "say which brokers answer; exit status 1 if one does not"),
    ):
        command = commands.add_parser(name, help=purpose, description=purpose)
        command.add_argument("--dir", type=Path, required=True, help="data, settings and logs")
        command.set_defaults(action=action)
        if action is _start:
            command.add_argument("--brokers", type=int, default=1, help="default 1; 3 survive one")
            command.add_argument("--port", type=int, help="of the first broker; default: any free")
    options = parser.parse_args(arguments)
    try:
        status: int = options.action(options)
    except (KafkaUnavailable, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
