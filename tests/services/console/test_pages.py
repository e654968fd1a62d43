"""The pages as they are sent: what they show, and what they do where something is not known."""

import re
from datetime import timedelta

import httpx2
import pytest

from services.console.html import ASSETS
from services.console.signals import NEWEST
from shared.contracts.assessment import Recommendation
from shared.contracts.signals import Signal
from tests.services.console import golden, golden_signals
from tests.services.console.golden import STUDY
from tests.services.console.neighbours import Neighbours
from tests.services.console.test_access import ACKNOWLEDGE, BOARD, csrf_of

NASTY = """<script>alert(1)</script><img src=x onerror=alert(1)>"'&{{7*7}}"""


def test_the_page_shows_what_the_committee_needs(person: httpx2.Client) -> None:
    page = person.get(BOARD)
    assert page.status_code == 200
    for text in (
        STUDY,
        golden.TITLE,
        "version 1",
        "5.0",
        "2022-12-26 09:30 UTC",
        "Synthetic data",
        "not patients",
        "Hold enrolment",
        "Exceeded",
        "2 of 6 subjects at 4 mg/kg have a DLT",
        "day 15 of 21",
        "DLT candidate",
        "LB-4-05-D15",
        "revision 2",
        "Late toxicity",
        "not assessed for DLT",
        "Basis changed",
        "relatedness of the adverse event",
        "Acknowledge",
        golden.assessment().digest,
    ):
        assert text in page.text, text


def test_a_real_study_is_not_called_synthetic(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.entry_changes = {"synthetic": False}
    assert "ynthetic" not in person.get(BOARD).text
    assert "ynthetic" not in person.get("/").text


def test_the_list_of_studies(person: httpx2.Client, neighbours: Neighbours) -> None:
    page = person.get("/")
    assert f'href="{BOARD}"' in page.text
    assert "Hold enrolment" in page.text
    assert "Synthetic data" in page.text
    neighbours.entry_changes = {"degraded": True, "stale": True}
    page = person.get("/")
    assert "Degraded" in page.text
    assert "Out of date" in page.text


def test_a_study_without_a_protocol_is_not_a_study_without_dlts(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.entry_changes = {
        "status": "no_protocol",
        "action": None,
        "dose_level": None,
        "as_of": None,
        "digest": None,
    }
    assert "No protocol yet" in person.get("/").text
    for address in (BOARD, *(f"{BOARD}/{one}" for one in ("adjudication", "committee", "charts"))):
        page = person.get(address)
        assert page.status_code == 409
        assert "nothing is assessed yet" in page.text
        assert f'href="{BOARD}/data"' in page.text
        assert "completed" not in page.text.lower()


def test_degraded_and_stale_are_said_loudly(person: httpx2.Client, neighbours: Neighbours) -> None:
    assert "Degraded" not in person.get(BOARD).text
    assert "Out of date" not in person.get(BOARD).text
    neighbours.assessment = golden.assessment(degraded=True)
    neighbours.stale = True
    page = person.get(BOARD).text
    assert "Degraded: some records of this study could not be read" in page
    assert "Out of date: the monitor is behind" in page


@pytest.mark.parametrize("status", [500, 502, 503])
def test_without_the_monitor_there_is_no_board(
    person: httpx2.Client, neighbours: Neighbours, status: int
) -> None:
    person.get(BOARD)
    neighbours.failing["monitor"] = status
    page = person.get(BOARD)
    assert page.status_code == 503
    assert "Not known at present" in page.text
    assert "not the same as “no DLT”" in page.text
    assert "Last usable answer: 20" in page.text
    assert "mg/kg" not in page.text
    assert person.get("/").status_code == 503


def test_what_cannot_be_read_is_not_shown_as_nothing(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.garbled.add("monitor")
    page = person.get(BOARD)
    assert page.status_code == 503
    assert "cannot read" in page.text


def test_without_the_notifier_acknowledgements_are_unknown(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.failing["notifier"] = 503
    page = person.get(BOARD)
    assert page.status_code == 200
    assert "The notifier says that it cannot answer now." in page.text
    assert "acknowledgement unknown" in page.text
    assert "· not acknowledged" not in page.text
    assert 'action="/studies/NCT05301764/alerts/' not in page.text


def test_a_key_that_may_not_read_alerts_sees_the_board_without_them(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.failing["notifier"] = 403
    page = person.get(BOARD)
    assert page.status_code == 200
    assert "may not read alerts" in page.text


def test_a_silent_intake_and_lost_alerts_are_said(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    assert "New records may not be coming in" not in person.get(BOARD).text
    neighbours.failing["readyz"] = 503
    neighbours.warnings = ["no routing is set: alerts reach the inbox only"]
    page = person.get(BOARD).text
    assert "New records may not be coming in" in page
    assert "no routing is set" in page


def test_a_warning_about_the_study_is_not_repeated_at_every_signal(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.alerts = [
        alert | {"warnings": ["no routing", "follows up an unknown signal"]}
        for alert in golden_signals.alerts()
    ]
    neighbours.warnings = ["no routing"]
    page = person.get(BOARD).text
    assert page.count("no routing") == 1
    newest = {signal.id for signal in golden_signals.signals()[-NEWEST:]}
    shown = [alert for alert in golden_signals.alerts() if alert["signal"]["id"] in newest]
    assert page.count("follows up an unknown signal") == len(shown)


def test_all_pages_of_signals_and_alerts_are_fetched(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.page_size = 2
    page = person.get(BOARD).text
    assert f'Signals <span class="count">{len(golden_signals.signals())}</span>' in page
    assert page.count("data-signal=") == NEWEST
    assert page.count("acknowledged by Medical monitor") == 2
    assert f'href="{BOARD}/alerts"' in page


def test_signals_that_came_since_are_asked_for_alone_and_another_list_is_read_anew(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    every = golden_signals.signals()
    way = f"/monitor/v1{BOARD}/signals"

    def shown(signals: tuple[Signal, ...]) -> tuple[str, int]:
        neighbours.signals, neighbours.page_size = signals, 2
        neighbours.asked.clear()
        page = person.get(BOARD).text
        assert f'Signals <span class="count">{len(signals)}</span>' in page
        return page, [path for _, path in neighbours.asked].count(way)

    assert shown(every[:5])[1] == 3
    assert shown(every[:5])[1] == 1
    assert shown(every)[1] == 2
    other = tuple(one.model_copy(update={"id": f"other-{one.id}"}) for one in every[:4])
    page, _ = shown(other)
    assert 'data-signal="other-signal-4"' in page
    assert 'data-signal="signal-' not in page
    neighbours.keys.clear()
    assert person.get(BOARD).status_code == 303


def test_a_past_view_is_marked_and_cannot_be_acted_upon(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    day = "2022-11-08"
    known = golden.at("2022-11-08T16:00")
    wait = Recommendation(
        action="wait", dose_level=4, mtd=None, mtd_status="undetermined", reasons=()
    )
    neighbours.past[day] = golden.assessment(as_of=known, known_at=known, recommendation=wait)
    page = person.get(BOARD, params={"known_at": day}).text
    assert "Past view." in page
    assert f"at the end of {day}" in page
    assert "2022-11-08 16:00 UTC" in page
    assert page.count("data-signal=") == 1
    assert "No longer stands" not in page
    assert "data-live" not in page
    assert "/acknowledge" not in page
    assert "Past view." not in person.get(BOARD).text


@pytest.mark.parametrize(("day", "status"), [("2099-01-01", 422), ("yesterday", 400)])
def test_a_day_that_cannot_be_shown_is_refused(
    person: httpx2.Client, day: str, status: int
) -> None:
    assert person.get(BOARD, params={"known_at": day}).status_code == status


def test_acknowledging_names_the_version_that_was_shown(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.alerts = [a | {"version": 3} for a in golden_signals.alerts()]
    page = person.get(BOARD)
    assert f'action="{ACKNOWLEDGE}"' in page.text
    assert 'name="version" value="3"' in page.text
    answer = person.post(ACKNOWLEDGE, data={"csrf": csrf_of(page), "version": "3"})
    assert answer.headers["location"] == f"{BOARD}?note=acknowledged#alert-alert-signal-6"
    assert neighbours.acknowledged == [("alert-signal-6", {"version": 3})]
    assert "Acknowledged." in person.get(answer.headers["location"]).text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (409, "the alert has changed meanwhile"),
        (403, "needs the role of a medical monitor"),
        (500, "Not known whether this was acknowledged"),
    ],
)
def test_an_acknowledgement_that_fails_says_so(
    person: httpx2.Client, neighbours: Neighbours, status: int, said: str
) -> None:
    neighbours.failing["acknowledge"] = status
    fields = {"csrf": csrf_of(person.get(BOARD)), "version": "1"}
    answer = person.post(ACKNOWLEDGE, data=fields)
    assert said in person.get(answer.headers["location"]).text


@pytest.mark.parametrize("version", ["", "-1", "1.0", "٣", "9" * 30])
def test_a_version_that_is_none_is_refused(person: httpx2.Client, version: str) -> None:
    fields = {"csrf": csrf_of(person.get(BOARD)), "version": version}
    assert person.post(ACKNOWLEDGE, data=fields).status_code == 400


def test_a_link_cannot_put_words_on_a_page(person: httpx2.Client) -> None:
    page = person.get(BOARD, params={"note": "Everything is fine"})
    assert "Everything is fine" not in page.text


@pytest.mark.parametrize("path", ["/studies/OTHER", "/studies/a%2Fb", "/alerts/none", "/nowhere"])
def test_what_is_not_there_or_not_ones_own_looks_the_same(person: httpx2.Client, path: str) -> None:
    page = person.get(path)
    assert page.status_code == 404
    assert "you may not see it" in page.text


def test_markup_in_a_study_stays_text(person: httpx2.Client, neighbours: Neighbours) -> None:
    subject = golden.subject(
        NASTY,
        "dlt_candidate",
        "2022-12-12",
        NASTY,
        level=4,
        criteria=golden.criteria(NASTY, "met", golden.TODAY, NASTY),
        flags=(NASTY,),
    )
    reasons = golden.assessment().recommendation.reasons
    hostile = [r.model_copy(update={"text": NASTY, "inputs": {NASTY: NASTY}}) for r in reasons]
    neighbours.assessment = golden.assessment(
        subjects=(subject,),
        queries=tuple(q.model_copy(update={"text": NASTY}) for q in golden.queries()),
        decisions=tuple(
            d.model_copy(update={"actor": NASTY, "basis_text": NASTY}) for d in golden.decisions()
        ),
        recommendation=golden.assessment().recommendation.model_copy(
            update={"reasons": tuple(hostile)}
        ),
    )
    neighbours.signals = tuple(
        s.model_copy(update={"text": NASTY}) for s in golden_signals.signals()
    )
    neighbours.alerts = [golden_signals.alert(s, seen_by=NASTY) for s in golden_signals.signals()]
    neighbours.entry_changes = {"title": NASTY}
    neighbours.warnings = [NASTY]
    for path in (BOARD, "/"):
        text = person.get(path).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        varying = r'NCT05301764|\?v=[0-9a-f]{12}|value="[\w=-]{43,}"|\d{4}-\d\d-\d\d[T ][\d:.]+'
        shown = re.sub(varying, "", text)
        assert "49" not in shown


def test_pages_may_not_be_kept_framed_or_scripted_by_others(person: httpx2.Client) -> None:
    for path in (BOARD, "/", "/login", "/nowhere"):
        headers = person.get(path).headers
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_pages_need_nothing_but_our_own_files(person: httpx2.Client) -> None:
    page = person.get(BOARD).text
    assert " style=" not in page
    assert "<style" not in page
    assert "http://" not in page
    assert "https://" not in page
    for name in ("console.css", "console.js", "icon.svg"):
        address = page.split(f"/static/{name}")[1].split('"')[0]
        found = person.get(f"/static/{name}{address}")
        assert found.content == ASSETS[name]
        assert "immutable" in found.headers["cache-control"]
    assert person.get("/static/app.py").status_code == 404


def test_no_subject_code_is_part_of_an_address(person: httpx2.Client) -> None:
    page = person.get(BOARD).text
    addresses = [
        piece.split('"')[0]
        for attribute in ('href="', 'action="', 'data-live="', ' id="')
        for piece in page.split(attribute)[1:]
    ]
    codes = [s.subject for s in golden.subjects()]
    assert not [a for a in addresses for code in codes if code in a.split("-signal-")[0]]


def test_programs_get_problems_not_pages(person: httpx2.Client) -> None:
    answer = person.get("/nowhere", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_window_that_moves_on_moves_on_the_page(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    later = golden.NOW + timedelta(hours=8)
    neighbours.assessment = golden.assessment(as_of=later)
    assert "2022-12-26 17:30 UTC" in person.get(BOARD).text


def test_the_board_names_how_many_queries_it_does_not_show(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    (one,) = golden.queries()
    many = tuple(one.model_copy(update={"id": f"q{n}"}) for n in range(27))
    neighbours.assessment = golden.assessment(queries=many)
    page = person.get(BOARD).text
    assert page.count(one.text) == 25
    assert "2 more are asked" in page
    neighbours.assessment = golden.assessment(queries=many[:25])
    assert "more are asked" not in person.get(BOARD).text


def test_a_subject_with_nothing_left_to_watch_takes_little_room(person: httpx2.Client) -> None:
    page = person.get(BOARD).text
    unsettled = {"3-02", "4-01", "4-04", "4-05", "4-06"}
    assert page.count("Criteria and evidence") == len(unsettled)
    assert "Grade 3 and higher, any time: Platelet count decreased (G3)" in page


def test_no_record_turns_the_direction_of_a_page(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    turned = tuple(q.model_copy(update={"text": "grade \u202e31"}) for q in golden.queries())
    neighbours.assessment = golden.assessment(queries=turned)
    text = person.get(BOARD).text
    assert "grade [U+202E]31" in text
    assert "\u202e" not in text
