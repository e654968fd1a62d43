"""The real Kafka that tests marked ``kafka`` run on, and the one place that lets them be skipped.

``KAFKA_BOOTSTRAP_SERVERS`` names a broker that is already there; otherwise one is started, once in
each test process. Where that cannot be done the test is skipped with the reason, or fails if
``VIGIL_REQUIRE`` contains ``kafka``: a skipped proof must not look like a passed one in CI.
"""

import atexit
import gc
import os
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.kafka.broker import KafkaCluster, KafkaUnavailable, why_unavailable
from deploy.kafka.jars import fetch_jars

with warnings.catch_warnings():
    # kafka-python 3.0 reads its schemas in a way Python 3.11 calls deprecated, once, on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka  # noqa: F401

# kafka-python 3.0 leaves the socket of a refused connection to the garbage collector. Use together
# with the fixture ``collect_refused_connections`` where brokers are killed or refuse.
tolerate_refused_connections = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def require_kafka() -> str:
    """Bootstrap servers of a running broker; its topics may be shared with other tests."""
    external = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if external:
        return external
    require_own_kafka()
    return _session_cluster().bootstrap_servers


def require_own_kafka() -> None:
    """For tests that start, kill or configure brokers themselves."""
    lacking = why_unavailable()
    if lacking is None:
        try:
            fetch_jars()
        except KafkaUnavailable as failed:
            lacking = str(failed)
    if lacking is not None:
        _skip_or_fail(f"no Kafka: {lacking}")


def _skip_or_fail(reason: str) -> None:
    if "kafka" in os.environ.get("VIGIL_REQUIRE", ""):
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _session_cluster() -> KafkaCluster:
    folder = tempfile.TemporaryDirectory(prefix="vigil-kafka-")
    cluster = KafkaCluster(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(cluster.stop)
    cluster.start()
    return cluster


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    return require_kafka()


@pytest.fixture(scope="session")
def kafka_cluster(kafka_bootstrap: str) -> KafkaCluster | None:
    """The cluster behind ``kafka_bootstrap``; None if it is not ours to kill."""
    return None if os.environ.get("KAFKA_BOOTSTRAP_SERVERS") else _session_cluster()


@pytest.fixture
def collect_refused_connections() -> Iterator[None]:
    """Let those sockets go in the test that expects it, not in whichever comes next."""
    yield
    gc.collect()
