"""The whole compose installation on this machine: real Kafka, real PostgreSQL, its own commands."""

import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.compose.local import Installation
from deploy.compose.plan import MIGRATE, load, own_services
from tests.kafka_support import require_own_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    require_own_kafka()
    # Not pytest's own folder: as root, PostgreSQL's unprivileged user cannot enter that one.
    folder = Path(tempfile.mkdtemp(prefix="vigil-compose-"))
    with Installation(folder) as running:
        running.wait_ready()
        yield running
    shutil.rmtree(folder, ignore_errors=True)


def _status(url: str, key: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - our own address
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def test_every_service_runs_in_a_process_of_its_own(installation: Installation) -> None:
    names = set(own_services(load())) - {MIGRATE}
    assert names <= set(installation.running)
    assert all(installation.running[name].poll() is None for name in names)


def test_everything_is_reached_through_the_gateway(installation: Installation) -> None:
    assert _status(f"{installation.url}/") == 200
    assert _status(f"{installation.url}/monitor/v1/studies") == 401
    assert _status(f"{installation.url}/notifier/v1/alerts") == 401
    assert _status(f"{installation.url}/ingest/v1/receipts/none") == 401
    assert _status(f"{installation.url}/metrics") == 404
    assert _status(f"{installation.url}/monitor/metrics") == 404


def test_a_key_made_by_the_owner_opens_every_service(installation: Installation) -> None:
    made = installation.vigil(
        *("keys", "create", "--study", "S1", "--role", "study_admin", "--role", "medical_monitor")
    )
    key = made.stdout.strip()
    assert _status(f"{installation.url}/monitor/v1/studies", key) == 200
    assert _status(f"{installation.url}/notifier/v1/alerts", key) == 200
    assert _status(f"{installation.url}/ingest/v1/receipts/none", key) == 404


def test_a_service_ends_in_good_order_and_comes_back(installation: Installation) -> None:
    ending = installation.running["dlt_monitor"]
    installation.stop("dlt_monitor")
    assert ending.returncode == 0
    assert _status(f"{installation.url}/monitor/v1/studies") == 502
    installation.start("dlt_monitor")
    installation.wait_ready()
    assert _status(f"{installation.url}/monitor/v1/studies") == 401
