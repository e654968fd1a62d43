"""The services assembled: one port, one set of operations, and the first keys once."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from fastapi.testclient import TestClient

from services.embedded import Embedded
from shared.runtime.auth import ROLES
from shared.runtime.settings import Settings
from tests.scenarios.installation import Installation, installation


@pytest.fixture(scope="module")
def vigil(new_database: Callable[[], str]) -> Iterator[Installation]:
    with installation(new_database()) as running:
        running.wait(lambda: httpx2.get(running.url + "/readyz", timeout=60).status_code == 200)
        yield running


def test_one_page_of_metrics_speaks_for_all(vigil: Installation) -> None:
    assert httpx2.get(vigil.url + "/livez", timeout=60).json() == {"status": "ok"}
    vigil.get("/monitor/v1/studies")
    text = httpx2.get(vigil.url + "/metrics", timeout=60).text
    assert 'route="/monitor/v1/studies"' in text
    assert "vigil_ingest_events_total" in text
    assert "vigil_deliveries_given_up" in text


@pytest.mark.parametrize("path", ["/ingest/v1/none", "/monitor/v1/none", "/notifier/v1/none"])
def test_an_address_of_an_api_never_ends_at_the_console(vigil: Installation, path: str) -> None:
    answer = httpx2.get(vigil.url + path, timeout=60)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_everything_else_is_the_console(vigil: Installation) -> None:
    answer = httpx2.get(vigil.url + "/login", timeout=60)
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]


def test_the_first_keys_are_made_once(new_database: Callable[[], str]) -> None:
    with Embedded(Settings(database_url=new_database())) as first:
        assert not first.has_keys()
        assert first.first_keys([]) == []
        made = first.first_keys(["ST-1", "ST-2"])
        assert [(key.study, key.role) for key in made] == [
            (study, role) for study in ("ST-1", "ST-2") for role in ROLES
        ]
        assert first.has_keys()
        assert first.first_keys(["ST-3"]) == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - read, not bound
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_address_shown_can_be_opened_here(host: str, url: str) -> None:
    assert Embedded(Settings(), host=host).url == url


def test_readiness_names_the_part_that_is_not_ready(new_database: Callable[[], str]) -> None:
    with Embedded(Settings(database_url=new_database())) as vigil:
        # A test client without its context starts no lifespan, so no service's threads run.
        answer = TestClient(vigil.app).get("/readyz")
    assert answer.status_code == 503
    assert {one["part"] for one in answer.json()["errors"]} == {"ingest", "monitor", "notifier"}
