"""The replay through all services over HTTP: the time line and the digest of the pure core."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from deploy.kafka.broker import KafkaCluster
from services.cli.app import run
from services.demo import STUDY
from services.demo.replay import events
from services.demo.story import Story, post_events
from services.demo.table import FOLDER, read_protocol
from shared.contracts.assessment import Assessment
from shared.runtime.settings import KafkaSettings
from tests.kafka_support import require_own_kafka
from tests.scenarios.installation import Installation, by_source, installation
from tests.scenarios.pure import last_moment, told
from tests.scenarios.timeline import Row, Telling, hold_against, rows

ROWS = rows("lvgn6051.yaml")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vigil(new_database: Callable[[], str]) -> Iterator[Installation]:
    """An installation to which the whole story has been told."""
    with installation(new_database()) as running:
        Story(running.url, running.keys, running.clock).tell()
        yield running


@pytest.fixture(scope="module")
def telling(vigil: Installation) -> Telling:
    return Telling(vigil.view, vigil.signals(), vigil.assessment())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.day))
def test_time_line(row: Row, telling: Telling) -> None:
    hold_against(row, telling)


def test_it_ends_as_the_pure_core_says(telling: Telling) -> None:
    assert telling.final.digest == told().final.digest


def test_past_views_are_those_that_were_given_out(vigil: Installation) -> None:
    """What each committee saw is found again by the digest its decision cites."""
    path = f"/monitor/v1/studies/{STUDY}/decisions"
    decisions = vigil.get(path).json()["decisions"]
    assert [decision["digest_known"] for decision in decisions] == [True] * 6


def test_the_exported_file_replays_to_the_same_digest(
    telling: Telling, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "events.ndjson"
    assert run(["demo", "--export", str(exported)]) == 0
    capsys.readouterr()
    assert run(["replay", str(FOLDER / "protocol.yaml"), str(exported), "--json"]) == 0
    replayed = Assessment.model_validate_json(capsys.readouterr().out)
    assert replayed.digest == telling.final.digest


def test_every_alert_reaches_the_inbox_once(vigil: Installation, telling: Telling) -> None:
    begun = [one.id for one in telling.signals]
    assert len(begun) == len(set(begun))

    def inbox() -> list[str]:
        found: list[str] = []
        page = vigil.get("/notifier/v1/alerts", study=STUDY).json()
        while page["alerts"]:
            found += [alert["signal"]["id"] for alert in page["alerts"]]
            page = vigil.get("/notifier/v1/alerts", study=STUDY, after=page["next"]).json()
        return found

    vigil.wait(lambda: len(inbox()) >= len(begun))
    assert sorted(inbox()) == sorted(begun)


def test_the_page_shows_the_board_and_says_that_it_is_synthetic(vigil: Installation) -> None:
    same_site = {"Origin": vigil.url, "Sec-Fetch-Site": "same-origin"}
    with httpx2.Client(
        base_url=vigil.url, headers=same_site, follow_redirects=True, timeout=60
    ) as browser:
        page = browser.post("/login", data={"key": vigil.keys.reader, "next": f"/studies/{STUDY}"})
    assert page.status_code == 200
    assert "SYNTHETIC" in page.text.upper()
    for words in ("4 mg/kg", "exceeded", "3-02", "4-05"):
        assert words in page.text.lower()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_posting_ends_the_same(
    seed: int, new_database: Callable[[], str], telling: Telling
) -> None:
    chance = random.Random(seed)
    arriving = events() + chance.sample(events(), k=300)
    chance.shuffle(arriving)
    with (
        installation(new_database()) as running,
        httpx2.Client(base_url=running.url, timeout=60) as client,
    ):
        running.clock.set(last_moment())
        put_protocol(client, running)
        while arriving:
            size = chance.choice((10, 100, 400, 1000))
            for source, stated in by_source(arriving[:size]).items():
                post_events(client, running.keys.sources[source], stated)
            arriving = arriving[size:]
        running.wait_for_facts(len(events()) + 1)
        assert running.assessment().digest == telling.final.digest
        standing = {one.key for one in running.signals(standing="true")}
    assert standing == _standing(telling)


def _standing(telling: Telling) -> set[str]:
    superseded = {one.supersedes for one in telling.signals}
    return {one.key for one in telling.signals if one.id not in superseded and not one.ends}


def _escalation(telling: Telling) -> list[str]:
    """The signals up to the committee's last record, in the order in which they were raised."""
    last = max(decision.known_at for decision in telling.final.decisions)
    return [one.id for one in telling.signals if one.known_at <= last]


def put_protocol(client: httpx2.Client, running: Installation) -> None:
    """The study begins, before everything else."""
    headers = {
        "Authorization": f"Bearer {running.keys.admin}",
        "Content-Type": "application/yaml",
    }
    path = f"/ingest/v1/studies/{STUDY}/protocol"
    assert client.put(path, content=read_protocol(), headers=headers).status_code == 202


@pytest.mark.kafka
def test_over_kafka_it_ends_the_same(
    new_database: Callable[[], str], tmp_path: Path, telling: Telling
) -> None:
    """On a broker of its own: an installation's topics are nobody else's."""
    require_own_kafka()
    with KafkaCluster(tmp_path / "kafka") as broker:
        settings = KafkaSettings((broker.bootstrap_servers,))
        over = _told_over(settings, new_database(), telling)
    # As long as the story goes moment by moment, every signal is the same one; after that a month
    # may arrive in pieces, and what stands in the end is the same.
    assert _escalation(over) == _escalation(telling)
    assert _standing(over) == _standing(telling)


def _told_over(kafka: KafkaSettings, database_url: str, telling: Telling) -> Telling:
    with installation(database_url, kafka) as running:
        final = Story(running.url, running.keys, running.clock).tell()
        assert final.digest == telling.final.digest
        return Telling(running.view, running.signals(), final)
