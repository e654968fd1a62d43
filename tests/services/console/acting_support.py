"""The demo's trial on the day of its hold, in all real services, with people who have accounts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2

from services.demo import STUDY
from services.demo.records import LABORATORY, Event, usubjid
from services.demo.replay import events, steps
from services.demo.story import post_events
from services.demo.table import read_protocol
from shared.contracts.profile import opaque_id
from shared.runtime.accesslog import OPERATOR
from shared.runtime.accounts import create_account
from shared.runtime.passwords import Passwords
from tests.scenarios.installation import Installation, by_source, installation

PASSWORD = "correct horse battery staple"
PEOPLE = {
    "monitor": "medical_monitor",
    "chair": "committee_member",
    "second": "committee_member",
    "watcher": "auditor",
}
COHORT = tuple(usubjid(f"4-0{n}") for n in (1, 2, 5))
HELD = datetime(2022, 12, 26, 12, 0, tzinfo=UTC)
CASE = f"/studies/{STUDY}/adjudication/{opaque_id(STUDY, usubjid('4-05'))}.platelets-g4"
COMMITTEE = f"/studies/{STUDY}/committee"
ALERTS = f"/studies/{STUDY}/alerts"


@dataclass
class Trial:
    """The running services; `posted` counts the facts that the monitor has to have applied."""

    vigil: Installation
    posted: int

    @contextmanager
    def person(self, login: str) -> Iterator[httpx2.Client]:
        """Somebody signed in, whose browser says where its forms come from."""
        headers = {"Accept": "text/html", "Origin": self.vigil.url}
        with httpx2.Client(base_url=self.vigil.url, headers=headers, timeout=60) as client:
            signed = client.post("/login", data={"login": login, "password": PASSWORD})
            assert signed.status_code == 303, signed.text
            yield client

    def post(self, stated: list[Event]) -> None:
        """Records of the EDC and the laboratory, applied when this returns."""
        with httpx2.Client(base_url=self.vigil.url, timeout=60) as client:
            for source, of_source in by_source(stated).items():
                post_events(client, self.vigil.keys.sources[source], of_source)
        self.posted += len(stated)
        self.vigil.wait_for_facts(self.posted)

    def correct_platelets(self, revision: int, result: str) -> None:
        """Another version of the value that makes subject 4-05 a candidate."""
        (first,) = [
            one
            for one in events()
            if one["source"] == LABORATORY and one["recordid"] == "4-05/LB/C1D15/PLAT"
        ]
        self.vigil.clock.advance(timedelta(minutes=1))
        now = self.vigil.clock.now().isoformat()
        self.post(
            [
                {
                    **first,
                    "id": f"{first['id']}-{revision}",
                    "revision": revision,
                    "reason": "Transcription error",
                    "time": now,
                    "knowntime": now,
                    "data": {**first["data"], "LBORRES": result},
                }
            ]
        )


@contextmanager
def trial(new_database: Callable[[], str]) -> Iterator[Trial]:
    """Everything known by the day of the hold, posted at once with the times it was known."""
    with installation(new_database()) as vigil:
        passwords = Passwords()
        with vigil.engine.begin() as conn:
            for login, role in PEOPLE.items():
                name, grants = login.title(), [(STUDY, role)]
                create_account(
                    conn, passwords, login, name, grants,
                    by=OPERATOR, now=datetime.now(UTC), password=PASSWORD,
                )  # fmt: skip
        running = Trial(vigil, 1)
        vigil.wait(lambda: httpx2.get(vigil.url + "/readyz", timeout=60).status_code == 200)
        vigil.clock.set(steps()[0].at - timedelta(days=1))
        headers = {
            "Authorization": f"Bearer {vigil.keys.admin}",
            "Content-Type": "application/yaml",
        }
        path = f"{vigil.url}/ingest/v1/studies/{STUDY}/protocol"
        assert (
            httpx2.put(path, content=read_protocol(), headers=headers, timeout=60).status_code
            == 202
        )
        vigil.wait_for_facts(1)
        vigil.clock.set(HELD)
        running.post([one for one in events() if _known(one) <= HELD and _is_of_the_dose(one)])
        yield running


def _is_of_the_dose(one: Event) -> bool:
    """Three of the cohort that halted, and the decisions that led there."""
    return one["subject"] in (*COHORT, STUDY)


def _known(one: Event) -> datetime:
    return datetime.fromisoformat(one["knowntime"])


def fields_of(page: httpx2.Response, **more: str) -> dict[str, str]:
    """What the page's form sends by itself, and what a person adds."""

    def hidden(name: str) -> str:
        return page.text.split(f'name="{name}" value="')[1].split('"')[0]

    names = [name for name in ("csrf", "token", "digest") if f'name="{name}"' in page.text]
    return {**{name: hidden(name) for name in names}, **more}
