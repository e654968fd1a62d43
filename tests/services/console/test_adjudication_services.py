"""From the alert to the decision, by people with passwords, over all real services."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2
import pytest

from services.demo import STUDY
from tests.services.console.acting_support import (
    ALERTS,
    CASE,
    COMMITTEE,
    PASSWORD,
    Trial,
    fields_of,
    trial,
)

DECIDE = {"rationale": "2/6 at 4 mg/kg", "password": PASSWORD}


@pytest.fixture(scope="module")
def hold(new_database: Callable[[], str]) -> Iterator[Trial]:
    with trial(new_database) as running:
        yield running


def judge(person: httpx2.Client, page: httpx2.Response, **more: str) -> httpx2.Response:
    fields = {"decision": "DLT", "rationale": "Grade 4, related", "password": PASSWORD, **more}
    return person.post(CASE, data=fields_of(page, **fields))


def decide(person: httpx2.Client, **more: str) -> httpx2.Response:
    return person.post(COMMITTEE, data=fields_of(person.get(COMMITTEE), **{**DECIDE, **more}))


def status(hold: Trial) -> str:
    return next(s for s in hold.vigil.assessment().subjects if s.subject == "4-05").status


def test_from_the_alert_to_the_decision(hold: Trial) -> None:
    with hold.person("monitor") as monitor, hold.person("chair") as chair:
        _act(hold, monitor, chair)
    with hold.person("watcher") as watcher:
        _look_back(watcher)


def _act(hold: Trial, monitor: httpx2.Client, chair: httpx2.Client) -> None:
    _acknowledge(hold, monitor, chair)
    _refuse_what_nobody_may(hold, monitor, chair)
    _refuse_what_has_moved_on(hold, monitor)
    _judge(hold, monitor)
    _decide(hold, chair)


def _acknowledge(hold: Trial, monitor: httpx2.Client, chair: httpx2.Client) -> None:
    hold.vigil.wait(lambda: "Dose exceeded" in monitor.get(f"{ALERTS}?state=waiting").text)
    inbox = monitor.get(f"{ALERTS}?state=waiting&severity=critical").text
    address = next(part.split('"')[0] for part in inbox.split('href="') if "Dose exceeded" in part)
    for person, said in ((monitor, "Acknowledged."), (chair, "Monitor</b> (medical monitor)")):
        fields = fields_of(person.get(address), act="acknowledge", version="1")
        answer = person.post(address, data=fields, follow_redirects=True)
        assert said in answer.text
    assert "Chair</b> (committee member) acknowledged it" in chair.get(address).text
    fields = fields_of(chair.get(address), act="notes", text="The site was called.")
    assert "The site was called." in chair.post(address, data=fields, follow_redirects=True).text


def _refuse_what_nobody_may(hold: Trial, monitor: httpx2.Client, chair: httpx2.Client) -> None:
    page = monitor.get(CASE)
    assert "Platelets grade 4, of any duration" in page.text
    assert "4-05/LB/C1D15/PLAT" in page.text
    wrong = judge(monitor, page, password="wrong horse")
    assert wrong.status_code == 409
    assert "password is not right" in wrong.text
    assert "Grade 4, related</textarea>" in wrong.text, "what was typed is given back"
    assert "Judge it" not in chair.get(CASE).text
    token = {"token": "a" * 32, "digest": "sha256:" + hold.vigil.assessment().digest[7:]}
    refused = judge(chair, chair.get(COMMITTEE), **token)
    assert "Your role does not allow it" in refused.text
    assert status(hold) == "dlt_candidate"


def _refuse_what_has_moved_on(hold: Trial, monitor: httpx2.Client) -> None:
    before = monitor.get(CASE)
    hold.correct_platelets(2, "30")
    refused = judge(monitor, before)
    assert refused.status_code == 409
    assert "moved on since the page was made" in refused.text
    assert "platelets-g4: Met" in refused.text
    hold.correct_platelets(3, "22")


def _judge(hold: Trial, monitor: httpx2.Client) -> None:
    page = monitor.get(CASE)
    answer = judge(monitor, page)
    assert answer.status_code == 303, answer.text
    assert "The judgement is on record" in monitor.get(answer.headers["location"]).text
    hold.vigil.wait(lambda: status(hold) == "dlt")
    again = judge(monitor, page)
    assert again.status_code == 409, "the same form a second time judges nothing"
    queue = monitor.get(f"/studies/{STUDY}/adjudication").text
    assert "No candidate waits" in queue


def _decide(hold: Trial, chair: httpx2.Client) -> None:
    against = {"choice": "other", "action": "escalate", "level": "4", "lifts_hold": "yes"}
    refused = decide(chair, **against)
    assert "This is an override" in refused.text
    override = {**against, "override_reason": "new data", "second_password": PASSWORD}
    assert "must be somebody else" in decide(chair, **override, second_login="chair").text
    assert "not of the committee" in decide(chair, **override, second_login="monitor").text
    before = len(hold.vigil.assessment().decisions)
    assert decide(chair, **override, second_login="second").status_code == 303
    hold.vigil.wait(lambda: len(hold.vigil.assessment().decisions) > before)
    last = hold.vigil.assessment().decisions[-1]
    assert (last.actor, last.countersigned_by, last.lifts_hold) == ("Chair", "Second", True)
    _decide_at_once(hold, chair)


def _decide_at_once(hold: Trial, chair: httpx2.Client) -> None:
    """Two members with the same page open: the second to press is told what the first did."""
    mine = fields_of(chair.get(COMMITTEE), **DECIDE, choice="hold.4")
    before = len(hold.vigil.assessment().decisions)
    hold.vigil.clock.advance(timedelta(minutes=1))
    with hold.person("second") as other:
        first = decide(other, choice="stop.4")
        assert first.status_code == 303, first.text
    hold.vigil.wait(lambda: len(hold.vigil.assessment().decisions) > before)
    assert hold.vigil.assessment().decisions[-1].countersigned_by is None
    second = chair.post(COMMITTEE, data=mine)
    assert second.status_code == 409
    assert "Decisions: another one is on record" in second.text


def _look_back(watcher: httpx2.Client) -> None:
    for path in (CASE, COMMITTEE, f"/studies/{STUDY}/adjudication"):
        for page in (watcher.get(path), watcher.get(f"{path}?known_at=2022-12-26")):
            assert page.status_code == 200
            assert "<form" not in page.text.split("<main")[1]
    past = watcher.get(f"/studies/{STUDY}/adjudication?known_at=2022-12-25").text
    assert "No candidate waited" in past
    assert "countersigned by Second" in watcher.get(COMMITTEE).text
