"""What reviewers do in the week of the hold, in a real browser in front of the whole of Vigil.

A DLT arrives while the board is open; the monitor acknowledges the alert and judges the candidate;
the committee decides; the day before can be read as it was known then; the packet is taken along.
"""

from datetime import UTC, date, datetime

import pytest

from services.demo import STUDY
from tests.e2e.people import MEMBER, MONITOR, PASSWORD, SECOND, sign_in
from tests.e2e.pictures import wait_for_page
from tests.e2e.trial import Trial
from tests.services.console.browser import Browser

pytestmark = [pytest.mark.chromium, pytest.mark.slow]

BOARD = f"/studies/{STUDY}"
CANDIDATE = "4-05"


def test_the_week_of_the_hold(trial: Trial, browser: Browser) -> None:
    _watch_a_candidate_arrive(trial, browser)
    _acknowledge(trial, browser)
    _judge(trial, browser)
    _decide(trial, browser)
    _turn_back(trial, browser)
    _take_the_packet(trial, browser)
    assert browser.complaints() == []


def _watch_a_candidate_arrive(trial: Trial, browser: Browser) -> None:
    sign_in(browser, trial.vigil.url, MONITOR, BOARD)
    browser.wait(lambda: "Live" in browser.text("#liveness"), "live updates")
    assert "Hold" not in browser.text(".action")
    trial.tell_records(date(2022, 12, 26))
    browser.wait(lambda: "Hold" in browser.text(".action"), "the hold on the screen")
    assert f"{CANDIDATE} DLT candidate" in " ".join(browser.text(".card.warn").split())


def _acknowledge(trial: Trial, browser: Browser) -> None:
    wait_for_page(browser, f"{trial.vigil.url}{BOARD}/alerts?severity=urgent", ".inbox li a")
    assert "nobody has acknowledged it" in browser.text("#main")
    browser.click(".inbox li:first-child a")
    browser.click("#acknowledge")
    browser.wait(lambda: "Acknowledged" in browser.text("#main"), "the acknowledgement")
    assert "Medical monitor (demo)" in browser.text("#main")


def _judge(trial: Trial, browser: Browser) -> None:
    browser.open(f"{trial.vigil.url}{BOARD}/adjudication")
    browser.click("#main a[href*='/adjudication/']")
    browser.click("input[name=decision][value=DLT]")
    browser.type("#rationale", "Platelets below 25 x 10^9/L for more than seven days (synthetic).")
    browser.type("#password", PASSWORD)
    browser.click(".act-form button[type=submit]")
    browser.wait(lambda: _status(trial) == "dlt", "the judgement to count")
    review = next(one for one in trial.vigil.assessment().subjects if one.subject == CANDIDATE)
    assert review.review == "DLT"


def _status(trial: Trial) -> str:
    subjects = trial.vigil.assessment().subjects
    return next(one.status for one in subjects if one.subject == CANDIDATE)


def _decide(trial: Trial, browser: Browser) -> None:
    """Expanding a held dose is no option of the design: it takes an override by two."""
    trial.vigil.clock.set(datetime(2022, 12, 29, 9, tzinfo=UTC))
    sign_in(browser, trial.vigil.url, MEMBER, f"{BOARD}/committee")
    browser.click("input[name=choice][value=other]")
    browser.run("document.querySelector('details.override').open = true")
    browser.run("document.querySelector('#action').value = 'stay'")
    browser.run("document.querySelector('#level').value = '3'")
    browser.type("#rationale", "The dose below goes on (synthetic).")
    browser.type("#override_reason", "Discussed with the sponsor (synthetic).")
    browser.type("#second_login", SECOND)
    browser.type("#second_password", PASSWORD)
    browser.type("#password", PASSWORD)
    before = len(trial.vigil.assessment().decisions)
    browser.click(".act-form button[type=submit]")
    browser.wait(lambda: len(trial.vigil.assessment().decisions) > before, "the decision")
    made = max(trial.vigil.assessment().decisions, key=lambda one: one.known_at)
    assert (made.action, made.dose_level, made.actor) == ("stay", 3, "Committee chair (demo)")
    assert made.countersigned_by == "Committee statistician (demo)"


def _turn_back(trial: Trial, browser: Browser) -> None:
    browser.open(f"{trial.vigil.url}{BOARD}?known_at=2022-12-21")
    assert "Past view" in browser.text("body")
    assert "Hold" not in browser.text(".action")
    forms = "return [...document.querySelectorAll('main form')].length"
    assert browser.run(forms) == 0, "nothing can be done in the past"


def _take_the_packet(trial: Trial, browser: Browser) -> None:
    browser.open(trial.vigil.url + BOARD)
    kept = browser.run_until_done(
        "const done = arguments[arguments.length - 1];"
        "const link = document.querySelector(\"a[href*='packet.pdf']\");"
        "fetch(link.href).then(async (answer) => done([answer.headers.get('content-type'),"
        " new TextDecoder('latin1').decode((await answer.arrayBuffer()).slice(0, 5))]));"
    )
    assert kept == ["application/pdf", "%PDF-"]
