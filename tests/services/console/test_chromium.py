"""The pages in a real browser: what a committee sees, with the keyboard, on a phone, live."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.console.html import utc
from shared.contracts.assessment import DltCount, Recommendation
from tests.services.console import golden, golden_profile, golden_signals
from tests.services.console.browser import ENTER, TAB, Browser
from tests.services.console.neighbours import BEHIND_EVENT, HEARTBEAT_EVENT, KEY, Neighbours
from tests.services.console.test_access import BOARD
from tests.services.console.test_pages import NASTY

pytestmark = pytest.mark.chromium


@pytest.fixture
def desk(browser: Browser, console: str) -> Iterator[Browser]:
    """Signed in, with the board open and live."""
    browser.open(f"{console}/login?next={BOARD}")
    browser.click("main summary")
    browser.type("#key", KEY + ENTER)
    browser.wait(lambda: browser.title.startswith("NCT05301764"), "the board")
    browser.wait(lambda: "Live" in browser.text("#liveness"), "live updates")
    yield browser
    # Servers wait a while for open streams before they stop.
    browser.open("about:blank")


def test_the_board_says_what_matters_without_scrolling(desk: Browser) -> None:
    assert desk.title.startswith("NCT05301764: Hold enrolment at 4 mg/kg")
    for selector in (".synthetic", ".action", ".column:last-of-type .chip", ".dlt"):
        bottom = desk.run(
            f"return document.querySelector('{selector}').getBoundingClientRect().bottom"
        )
        assert bottom < 900, selector
    assert desk.complaints() == []


def test_status_is_told_by_shape_and_word_not_by_colour_alone(desk: Browser) -> None:
    chips = desk.run(
        "return [...document.querySelectorAll('.chip, .severity')]"
        ".map(c => [c.textContent.trim(), !!c.querySelector('svg')])"
    )
    assert all(text for text, _ in chips)
    counted = [text for text, shape in chips if not shape]
    assert counted == ["2"], "only the count of urgent signals has no shape"


_CONTRAST = """
const parse = (c) => c.match(/[\\d.]+/g).map(Number);
const channel = (v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.backgroundImage !== 'none') return [255, 217, 92];
    const c = parse(style.backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const poor = [];
for (const d of document.querySelectorAll('details')) d.open = true;
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.checkVisibility() || e.closest('.hidden')) continue;
  const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) poor.push(`${e.className || e.tagName}: ${e.textContent.trim()} ${ratio}`);
}
return poor;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_against_its_background(desk: Browser, scheme: str) -> None:
    desk.prefer(scheme)
    try:
        assert desk.run(_CONTRAST) == []
    finally:
        desk.prefer("light")


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440, 1920])
def test_nothing_sticks_out_at_any_width(desk: Browser, width: int) -> None:
    desk.resize(width, 800)
    overhang = desk.run(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overhang <= 0
    hidden = desk.run(
        "return [...document.querySelectorAll('.pages a')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.textContent)"
    )
    assert hidden == [], "each page of the study is a tap away"


def test_a_new_assessment_appears_by_itself(desk: Browser, neighbours: Neighbours) -> None:
    desk.click(".column:last-of-type .card:first-of-type summary")
    confirmed = golden.doses()[3].model_copy(
        update={"dlt": DltCount(confirmed=2, candidate=0, open=0)}
    )
    finish = Recommendation(action="finish", dose_level=3, mtd=3, mtd_status="found", reasons=())
    neighbours.assessment = golden.assessment(
        recommendation=finish, doses=(*golden.doses()[:3], confirmed)
    )
    desk.wait(lambda: "Escalation complete" in desk.text(".action"), "the new recommendation")
    assert desk.text(".column:last-of-type .dlt dd") == "2"
    assert desk.run("return document.querySelector('.column:last-of-type .card details').open"), (
        "what was opened stays open"
    )
    assert desk.complaints() == []


def test_a_new_signal_is_announced(desk: Browser, neighbours: Neighbours) -> None:
    first = golden_signals.signals()[5]
    neighbours.signals = (
        *golden_signals.signals(),
        first.model_copy(update={"id": "signal-8", "key": "again"}),
    )
    neighbours.entry_changes = {"applied_through": "413"}
    desk.wait(lambda: "Dose exceeded" in desk.run(_ANNOUNCED), "the announcement")
    assert desk.run("return document.querySelector('.signal.new').dataset.signal") == "signal-8"


_ANNOUNCED = "return document.getElementById('announce').textContent"


def test_acknowledging_with_the_keyboard_alone(desk: Browser, neighbours: Neighbours) -> None:
    for _ in range(60):
        desk.press(TAB)
        if str(desk.run("return document.activeElement.id")).startswith("ack-"):
            break
    outline = desk.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus can be seen"
    desk.press(ENTER)
    desk.wait(lambda: bool(neighbours.acknowledged), "the acknowledgement")
    desk.wait(lambda: "Acknowledged." in desk.text("#main"), "the answer")
    assert neighbours.acknowledged == [("alert-signal-7", {"version": 1})]


def test_everything_that_can_be_done_can_be_reached_by_keyboard(desk: Browser) -> None:
    wanted = desk.run(
        "return [...document.querySelectorAll('a, button, input:not([type=hidden]), summary')]"
        ".filter(e => e.checkVisibility()).length"
    )
    desk.run("window.reached = new Set()")
    for _ in range(wanted * 2 + 10):
        desk.press(TAB)
        desk.run("window.reached.add(document.activeElement)")
    missed = desk.run(
        "return [...document.querySelectorAll('a, button, input:not([type=hidden]), summary')]"
        ".filter(e => e.checkVisibility() && !reached.has(e)).map(e => e.outerHTML)"
    )
    assert missed == []


def test_a_silent_monitor_takes_the_board_away(desk: Browser, neighbours: Neighbours) -> None:
    neighbours.failing["monitor"] = 503
    desk.wait(lambda: "Not known at present" in desk.text("#main"), "the warning")
    assert "Not live" in desk.text("#liveness")
    assert "mg/kg" not in desk.text("#main")
    neighbours.failing.clear()
    desk.wait(lambda: "Hold enrolment" in desk.text("#main"), "the board")
    desk.wait(lambda: desk.text("#liveness").startswith("Live"), "live updates")


def test_a_page_that_could_not_be_renewed_once_is_tried_again(
    desk: Browser, neighbours: Neighbours
) -> None:
    """The watch on the monitor's list need not have noticed what the page ran into."""
    neighbours.garbled.add("assessment")
    neighbours.restore(neighbours.alerts)
    desk.wait(lambda: "Not known at present" in desk.text("#main"), "the warning")
    assert "Not live" in desk.text("#liveness")
    neighbours.garbled.clear()
    desk.wait(lambda: "Hold enrolment" in desk.text("#main"), "the board")
    desk.wait(lambda: desk.text("#liveness").startswith("Live"), "live updates")


def test_a_notifier_that_does_not_look_is_told(desk: Browser, neighbours: Neighbours) -> None:
    neighbours.looking = False
    neighbours.to_tell.append(BEHIND_EVENT)
    desk.wait(lambda: "new alerts may be missing" in desk.text("#liveness"), "the warning")
    assert "Hold enrolment" in desk.text("#main")
    neighbours.to_tell.append(HEARTBEAT_EVENT)
    desk.wait(lambda: desk.text("#liveness").startswith("Live"), "live updates")


def test_signing_out_elsewhere_closes_the_page(desk: Browser, neighbours: Neighbours) -> None:
    neighbours.keys.clear()
    desk.wait(lambda: "/login" in desk.url, "the sign-in page")


def test_a_link_from_another_site_finds_the_session(desk: Browser, console: str) -> None:
    elsewhere = console.replace("127.0.0.1", "localhost")
    desk.open(f"{elsewhere}/login")
    desk.run(f"location.href = '{console}/alerts/alert-signal-6'")
    desk.wait(lambda: desk.url == f"{console}{BOARD}/alerts/alert-signal-6", "the alert")


def test_markup_in_a_study_runs_nothing(desk: Browser, neighbours: Neighbours) -> None:
    neighbours.signals = tuple(
        s.model_copy(update={"text": NASTY}) for s in golden_signals.signals()
    )
    neighbours.entry_changes = {"title": NASTY}
    desk.wait(lambda: "<script>" in desk.text(".study-title"), "the hostile title, as text")
    assert NASTY in desk.text(".signal-text")
    assert desk.run("return document.querySelectorAll('main img, main script').length") == 0
    assert desk.complaints() == []


def test_a_past_view_cannot_be_taken_for_the_present(desk: Browser, neighbours: Neighbours) -> None:
    known = golden.at("2022-11-08T16:00")
    neighbours.past["2022-11-08"] = golden.assessment(as_of=known, known_at=known)
    desk.click(".picker summary")
    desk.run("document.getElementById('known_at').value = '2022-11-08'")
    desk.click(".past-form button")
    desk.wait(lambda: "(past)" in desk.title, "the past view")
    assert "not the present state" in desk.text(".banner.past")
    assert desk.run("return document.querySelectorAll('main form').length") == 0
    desk.click(".banner.past a")
    desk.wait(lambda: "(past)" not in desk.title, "the present")


def test_without_scripts_the_page_is_complete_and_says_that_it_stands_still(
    desk: Browser, console: str, neighbours: Neighbours
) -> None:
    desk.allow_scripts(False)
    try:
        desk.open(f"{console}{BOARD}")
        assert "Hold enrolment" in desk.text(".action")
        assert "does not update itself" in desk.text("#liveness")
        desk.click("#ack-alert-signal-7")
        desk.wait(lambda: "Acknowledged." in desk.text("#main"), "the answer")
        assert neighbours.acknowledged == [("alert-signal-7", {"version": 1})]
    finally:
        desk.allow_scripts(True)


SUBJECT = f"{BOARD}/subject/{golden_profile.ID}"


@pytest.mark.parametrize("width", [390, 1280])
def test_a_subject_can_be_read_from_its_status_down_to_a_version(
    desk: Browser, console: str, width: int
) -> None:
    desk.resize(width, 900)
    desk.open(f"{console}{SUBJECT}")
    desk.wait(lambda: "Live" in desk.text("#liveness"), "live updates")
    assert desk.text(".subject .status") == "DLT candidate"
    overhang = desk.run(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overhang <= 0
    desk.click(".criteria .cited a")
    assert "a digit too many" in desk.text(".versions > li:target")
    assert desk.run(_CONTRAST) == []
    assert desk.complaints() == []


def test_the_outcomes_of_the_pending_come_by_themselves(desk: Browser) -> None:
    desk.wait(lambda: "Certain, whatever" in desk.text("#what-if"), "the outcomes")
    assert desk.complaints() == []


def test_an_age_stands_beside_the_moment_and_goes_by_the_servers_clock(
    desk: Browser, neighbours: Neighbours
) -> None:
    assert desk.run("return document.querySelectorAll('.ago').length") == 0, "years are no ages"
    moment = datetime.now(UTC) - timedelta(minutes=5, seconds=5)
    neighbours.assessment = golden.assessment(as_of=moment)
    desk.wait(lambda: "min ago" in desk.text(".facts time"), "the new assessment")
    assert desk.text(".facts time") == f"{utc(moment)} (5 min ago)"
