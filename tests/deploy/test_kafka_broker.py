"""The broker started from Maven Central jars is a real one: it keeps what it acknowledged."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, KafkaTimeoutError

from deploy.kafka.broker import KafkaCluster, KafkaUnavailable
from tests.kafka_support import require_own_kafka, tolerate_refused_connections

pytestmark = [
    pytest.mark.kafka,
    tolerate_refused_connections,
    pytest.mark.usefixtures("collect_refused_connections"),
]

USER, PASSWORD = "vigil", "correct horse; battery=staple"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    require_own_kafka()
    with KafkaCluster(tmp_path_factory.mktemp("single"), sasl=(USER, PASSWORD)) as cluster:
        yield cluster


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def new_topic(servers: str, replicas: int = 1) -> str:
    topic = f"test.{uuid4()}"
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": replicas}})
    return topic


def produce(servers: str, topic: str, *values: bytes, **security: str) -> None:
    with closing(KafkaProducer(bootstrap_servers=servers, acks="all", **security)) as producer:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(30)


def consume(servers: str, topic: str, count: int) -> list[bytes]:
    """The first ``count`` values of the topic, or fewer if they do not come."""
    partition = TopicPartition(topic, 0)
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    with closing(KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)) as consumer:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        while len(values) < count and time.monotonic() < deadline:
            records = consumer.poll(200).get(partition, [])
            values += [record.value for record in records]
    return values


def partition_of(servers: str, topic: str) -> dict[str, object]:
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        partition: dict[str, object] = admin.describe_topics([topic])[0]["partitions"][0]
    return partition


def minimum_in_sync(servers: str, topic: str) -> object:
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        configs = admin.describe_configs([resource], config_filter="all")
    value: object = configs["topic"][topic]["min.insync.replicas"]["value"]
    return value


def test_what_is_produced_is_consumed_in_order(kafka_bootstrap: str) -> None:
    topic = new_topic(kafka_bootstrap)
    produce(kafka_bootstrap, topic, b"1", b"2", b"3")
    assert consume(kafka_bootstrap, topic, 3) == [b"1", b"2", b"3"]


def test_a_misspelt_topic_is_not_created(single: KafkaCluster) -> None:
    servers = single.bootstrap_servers
    with (
        closing(KafkaProducer(bootstrap_servers=servers, max_block_ms=1000)) as producer,
        pytest.raises(KafkaTimeoutError),
    ):
        producer.send("misspelt", b"lost").get(5)


def test_a_killed_broker_returns_at_its_address_with_its_data(single: KafkaCluster) -> None:
    servers = single.bootstrap_servers
    topic = new_topic(servers)
    produce(servers, topic, b"before")
    single.kill(1)
    with pytest.raises(KafkaError):
        KafkaProducer(bootstrap_servers=servers, bootstrap_timeout_ms=500)
    single.restart(1)
    produce(servers, topic, b"after")
    assert single.bootstrap_servers == servers
    assert consume(servers, topic, 2) == [b"before", b"after"]


@pytest.mark.slow
def test_three_brokers_lose_nothing_when_a_leader_is_killed(tmp_path: Path) -> None:
    require_own_kafka()
    with KafkaCluster(tmp_path, brokers=3) as cluster:
        servers = cluster.bootstrap_servers
        topic = new_topic(servers, replicas=3)
        assert minimum_in_sync(servers, topic) == "2"
        produce(servers, topic, b"before")
        leader = partition_of(servers, topic)["leader_id"]
        assert isinstance(leader, int)

        cluster.kill(leader)
        produce(servers, topic, b"without it")
        assert consume(servers, topic, 2) == [b"before", b"without it"]
        assert partition_of(servers, topic)["leader_id"] != leader

        cluster.restart(leader)
        in_sync = {1, 2, 3}
        wait_until(lambda: set(partition_of(servers, topic)["isr_nodes"]) == in_sync)  # type: ignore[call-overload]


def test_the_right_password_is_accepted(single: KafkaCluster) -> None:
    topic = new_topic(single.bootstrap_servers)
    produce(single.sasl_bootstrap_servers, topic, b"known", **credentials(PASSWORD))
    assert consume(single.bootstrap_servers, topic, 1) == [b"known"]


@pytest.mark.parametrize("password", ["wrong", ""])
def test_another_password_is_refused(single: KafkaCluster, password: str) -> None:
    with pytest.raises(KafkaError):
        KafkaProducer(
            bootstrap_servers=single.sasl_bootstrap_servers,
            bootstrap_timeout_ms=1000,
            **credentials(password),
        )


def test_the_sasl_listener_refuses_who_shows_no_credentials(single: KafkaCluster) -> None:
    with pytest.raises(KafkaError):
        KafkaProducer(bootstrap_servers=single.sasl_bootstrap_servers, bootstrap_timeout_ms=1000)


def credentials(password: str) -> dict[str, str]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": USER,
        "sasl_plain_password": password,
    }


def test_a_directory_is_taken_up_again_with_its_data(tmp_path: Path) -> None:
    require_own_kafka()
    with KafkaCluster(tmp_path) as first:
        servers = first.bootstrap_servers
        topic = new_topic(servers)
        produce(servers, topic, b"kept")
        with pytest.raises(KafkaUnavailable, match=r"process \d+ runs a cluster"):
            KafkaCluster(tmp_path).start()
    with KafkaCluster(tmp_path) as again:
        assert again.bootstrap_servers == servers
        assert consume(servers, topic, 1) == [b"kept"]
    with pytest.raises(KafkaUnavailable, match="holds a cluster of 1"):
        KafkaCluster(tmp_path, brokers=3).start()


def test_a_taken_port_is_named(single: KafkaCluster, tmp_path: Path) -> None:
    port = int(single.bootstrap_servers.rpartition(":")[2])
    with pytest.raises(KafkaUnavailable, match=f"port {port} is taken"):
        KafkaCluster(tmp_path, port=port).start()


def test_a_broker_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    require_own_kafka()
    (tmp_path / "node-1" / "data").mkdir(parents=True)
    (tmp_path / "node-1" / "data" / "meta.properties").write_text("version=1\nnode.id=7\n")
    with pytest.raises(KafkaUnavailable, match=r"(?s)broker 1 ended by itself.*broker\.log.*node"):
        KafkaCluster(tmp_path).start()


def cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "deploy.kafka.broker", *arguments]


def answers(directory: Path) -> bool:
    asked = subprocess.run(
        cli("status", "--dir", str(directory)), cwd=REPOSITORY, capture_output=True, check=False
    )
    return asked.returncode == 0


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``start`` on ``tmp_path`` from the command line, with its broker answering."""
    require_own_kafka()
    with subprocess.Popen(
        cli("start", "--dir", str(tmp_path)), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:")
        yield process
        process.kill()


def test_the_command_line_starts_and_stops(started: subprocess.Popen[str], tmp_path: Path) -> None:
    assert answers(tmp_path)
    subprocess.run(cli("stop", "--dir", str(tmp_path)), cwd=REPOSITORY, check=True)
    assert started.wait(30) == 0
    assert not answers(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_no_broker_outlives_a_killed_owner(started: subprocess.Popen[str], tmp_path: Path) -> None:
    started.kill()
    wait_until(lambda: not answers(tmp_path))
