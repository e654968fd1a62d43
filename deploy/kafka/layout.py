"""Who is who in a cluster: identities, ports and each node's settings.

A quorum's voters are written into its storage when it is formatted, so identities and ports are
chosen once and kept beside the data: a node that comes back must be found where it was.
"""

import json
import random
import re
import secrets
import socket
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

# Below every usual ephemeral range. A port in that range can be taken by any outgoing connection
# while its node is down, even by a client's own reconnect to it, and the node could not return.
_PORT_RANGE = range(20000, 32768)
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Node:
    node_id: int
    directory_id: str
    client_port: int
    controller_port: int
    sasl_port: int


@dataclass(frozen=True)
class Layout:
    cluster_id: str
    nodes: tuple[Node, ...]

    def voters(self) -> str:
        """As ``StorageTool format --initial-controllers`` wants them."""
        return ",".join(
            f"{node.node_id}@{HOST}:{node.controller_port}:{node.directory_id}"
            for node in self.nodes
        )


def load_layout(file: Path) -> Layout | None:
    if not file.exists():
        return None
    stored = json.loads(file.read_text("utf-8"))
    return Layout(stored["cluster_id"], tuple(Node(**node) for node in stored["nodes"]))


def save_layout(layout: Layout, file: Path) -> None:
    file.write_text(json.dumps(asdict(layout), indent=2) + "\n", "utf-8")


def new_layout(brokers: int, first_port: int | None) -> Layout:
    """Fresh identities. Client ports count up from ``first_port``, or are any free ones."""
    ports = free_ports(3 * brokers)
    clients = ports[:brokers]
    if first_port is not None:
        clients = list(range(first_port, first_port + brokers))
    nodes = tuple(
        Node(index + 1, _kafka_uuid(), clients[index], *ports[brokers + 2 * index :][:2])
        for index in range(brokers)
    )
    return Layout(_kafka_uuid(), nodes)


def _kafka_uuid() -> str:
    text = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    # Kafka's command line would read a leading dash as an option.
    return _kafka_uuid() if text.startswith("-") else text


def free_ports(count: int) -> list[int]:
    """Held all at once while choosing, so that none is given twice."""
    free: list[int] = []
    with ExitStack() as held:
        for port in random.sample(_PORT_RANGE, len(_PORT_RANGE)):
            if len(free) == count:
                break
            listener = held.enter_context(socket.socket())
            if _binds(listener, port):
                free.append(port)
    return free


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        return _binds(listener, port)


def _binds(listener: socket.socket, port: int) -> bool:
    # As the JVM does: connections of a former run still in TIME_WAIT don't count.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        return False
    return True


def server_properties(layout: Layout, node: Node, sasl: tuple[str, str] | None) -> str:
    """A node's ``server.properties``; its data folder is relative to where it is started."""
    replicas = min(3, len(layout.nodes))
    in_sync = 2 if replicas == 3 else 1
    controllers = ",".join(f"{HOST}:{each.controller_port}" for each in layout.nodes)
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node.node_id,
        "log.dir": "data",
        "listeners": f"PLAINTEXT://{HOST}:{node.client_port}"
        f",CONTROLLER://{HOST}:{node.controller_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": controllers,
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        # A misspelt topic must fail, not appear.
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        # The rest makes it small and quick: fifty partitions of bookkeeping delay the first group,
        # and a killed node may not register again before its old session has ended.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 4,
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    if sasl is not None:
        settings["listeners"] = f"{settings['listeners']},SASL://{HOST}:{node.sasl_port}"
        settings["listener.security.protocol.map"] = (
            f"{settings['listener.security.protocol.map']},SASL:SASL_PLAINTEXT"
        )
        settings["listener.name.sasl.sasl.enabled.mechanisms"] = "PLAIN"
        settings["listener.name.sasl.plain.sasl.jaas.config"] = _plain_login(*sasl)
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _plain_login(user: str, password: str) -> str:
    """A JAAS line. What would need escaping twice, in JAAS and in Java properties, is refused."""
    if not re.fullmatch(r"[\w-]+", user, re.ASCII) or not re.fullmatch(r"[ !#-\[\]-~]+", password):
        raise ValueError(
            "SASL user: letters, digits, _ and - only; "
            'password: printable ASCII without " and backslash'
        )
    return (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'user_{user}="{password}";'
    )
