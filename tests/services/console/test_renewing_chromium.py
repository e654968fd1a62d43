"""Lists and acting pages renew themselves too, but never take away what somebody has begun."""

import pytest

from tests.services.console import golden_signals
from tests.services.console.acting_desk import desk, neighbours
from tests.services.console.acting_neighbours import CASE, COMMITTEE, Acting
from tests.services.console.axe import findings
from tests.services.console.browser import Browser
from tests.services.console.golden import STUDY

__all__ = ["desk", "neighbours"]
pytestmark = pytest.mark.chromium

INBOX = f"/studies/{STUDY}/alerts"
QUEUE = f"/studies/{STUDY}/adjudication"
ONE = f"{INBOX}/alert-signal-7"
HIDE = (
    "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    "document.dispatchEvent(new Event('visibilitychange'));"
)
MOVED = "return !document.getElementById('moved').hidden"


def opened(desk: Browser, address: str) -> None:
    desk.open(address)
    desk.wait(lambda: desk.text("#liveness").startswith("Live"), "live updates")


def degrade(neighbours: Acting) -> None:
    """Something every page of an assessment says; the line in the list changes last."""
    neighbours.assessment = neighbours.assessment.model_copy(update={"degraded": True})
    neighbours.entry_changes = {"applied_through": "9999", "degraded": True}


def test_an_alert_appears_in_the_inbox_and_the_focus_stays(
    desk: Browser, console: str, neighbours: Acting
) -> None:
    later, *first = golden_signals.alerts()
    neighbours.alerts = first
    opened(desk, console + INBOX)
    focused = "return document.activeElement.getAttribute('href')"
    desk.run("document.querySelector('.inbox a').focus()")
    before = desk.run(focused)
    neighbours.alerts = [*first, later]
    desk.wait(lambda: str(later["id"]) in desk.run("return main().innerHTML"), "the alert")
    assert desk.run(focused) == before
    assert desk.complaints() == []


def test_what_somebody_else_does_about_an_alert_appears(
    desk: Browser, console: str, neighbours: Acting
) -> None:
    opened(desk, console + ONE)
    assert "Nobody has acknowledged it." in desk.text("#main")
    signal = golden_signals.signals()[6]
    neighbours.alerts = [golden_signals.alert(signal, seen_by="Dr. Made-Up")]
    desk.wait(lambda: "Dr. Made-Up" in desk.text("#main"), "the acknowledgement")
    assert "Nobody has acknowledged it." not in desk.text("#main")


@pytest.mark.parametrize("page", ["/", QUEUE, COMMITTEE])
def test_a_page_with_nothing_begun_renews_itself(
    desk: Browser, console: str, neighbours: Acting, page: str
) -> None:
    opened(desk, console + page)
    assert "Degraded" not in desk.text("#main")
    degrade(neighbours)
    desk.wait(lambda: "Degraded" in desk.text("#main"), "what has changed")
    assert desk.run(MOVED) is False
    assert desk.complaints() == []


@pytest.mark.parametrize("page", [CASE, COMMITTEE])
@pytest.mark.parametrize("width", [360, 1280])
def test_what_was_begun_stays_and_the_page_says_that_it_has_moved_on(
    desk: Browser, console: str, neighbours: Acting, page: str, width: int
) -> None:
    desk.resize(width, 900)
    opened(desk, console + page)
    desk.type("#rationale", "Grade 4, related (synthetic)")
    neighbours.document = None
    degrade(neighbours)
    if neighbours.profile is not None:
        neighbours.profile = neighbours.profile.model_copy(update={"degraded": True})
    desk.wait(lambda: bool(desk.run(MOVED)), "the notice")
    assert desk.run("return document.getElementById('rationale').value").startswith("Grade 4")
    assert desk.run("return moved.getBoundingClientRect().top") >= 0, "in sight where one types"
    # Beneath the notice, targets are smaller than they are.
    desk.run("scrollTo(0, 0)")
    assert findings(desk) == []
    desk.run("document.querySelector('#moved a').click()")
    desk.wait(lambda: "Degraded" in desk.text("#main"), "what has changed")
    assert desk.run(MOVED) is False
    assert desk.run("return document.getElementById('rationale').value") == ""
    assert desk.complaints() == []


def test_a_page_nobody_sees_holds_no_connection_and_says_so_in_its_title(
    desk: Browser, console: str, neighbours: Acting
) -> None:
    opened(desk, console + INBOX)
    shown = desk.title
    desk.run(HIDE.format("true"))
    desk.wait(lambda: neighbours.streams == 0, "the end of the stream")
    assert desk.title == f"Not live: {shown}"
    later, *neighbours.alerts = neighbours.alerts
    desk.run(HIDE.format("false"))
    desk.wait(lambda: desk.title == shown, "live updates")
    desk.wait(lambda: str(later["id"]) not in desk.run("return main().innerHTML"), "the present")


def test_an_ended_session_leaves_what_was_begun(
    desk: Browser, console: str, neighbours: Acting
) -> None:
    opened(desk, console + COMMITTEE)
    desk.type("#rationale", "Grade 4, related (synthetic)")
    neighbours.keys.clear()
    desk.wait(lambda: "you are signed out" in desk.text("#liveness"), "the warning")
    assert desk.run("return document.getElementById('rationale').value").startswith("Grade 4")


def test_a_monitor_that_falls_silent_takes_nothing_away_that_was_begun(
    desk: Browser, console: str, neighbours: Acting
) -> None:
    opened(desk, console + COMMITTEE)
    desk.type("#rationale", "Grade 4, related (synthetic)")
    neighbours.failing["monitor"] = 503
    desk.wait(lambda: "Not live" in desk.text("#liveness"), "the warning")
    neighbours.failing.clear()
    desk.wait(lambda: desk.text("#liveness").startswith("Live"), "live updates")
    assert desk.run("return document.getElementById('rationale').value").startswith("Grade 4")
    assert desk.run(MOVED) is False
