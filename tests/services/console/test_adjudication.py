"""Adjudication: what waits, what a case shows, and when a judgement is refused."""

import html
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.console.adjudication_view import (
    charts_of,
    moved_on,
    roles_for,
    waiting_of,
    waits,
)
from services.console.recording import Act
from services.demo.table import read_protocol
from shared.clinical import load_protocol
from shared.contracts.envelope import read_event
from tests.services.console import golden
from tests.services.console.acting_neighbours import (
    CASE,
    PASSWORD,
    SUBJECT,
    Acting,
    act,
    demo_profile,
)
from tests.services.console.acting_support import fields_of
from tests.services.console.golden import NOW, STUDY
from tests.services.console.packet_support import HOLD

QUEUE = f"/studies/{STUDY}/adjudication"
HOSTILE = "<img src=x onerror=alert(1)>\"'"


@pytest.fixture
def neighbours() -> Acting:
    return Acting()


@pytest.fixture
def person(visitor: httpx2.Client) -> httpx2.Client:
    """Signed in with a password."""
    signed = visitor.post("/login", data={"login": "somebody", "password": PASSWORD})
    assert signed.status_code == 303
    return visitor


def judge(person: httpx2.Client, **more: str) -> httpx2.Response:
    fields = {"decision": "NOT_DLT", "rationale": "Clotted sample", "password": PASSWORD, **more}
    return person.post(CASE, data=fields_of(person.get(CASE), **fields))


def review(**changes: Any) -> Act:
    event = {
        "type": "vigil.dlt_review.v1",
        "recordid": "r-1",
        "data": {
            "USUBJID": f"{STUDY}-4-05",
            "criterion_id": golden.CRITERIA[0],
            "decision": "NOT_DLT",
            "assessment_digest": "sha256:" + "0" * 64,
        },
    }
    return Act.model_validate(act(event, **changes))


# -- as data


def test_every_criterion_that_makes_a_candidate_waits() -> None:
    (found,) = waiting_of(golden.assessment(), (), NOW)
    assert (found.subject.subject, found.criterion.id, found.judged) == (
        "4-05", golden.CRITERIA[0], None,
    )  # fmt: skip


def test_a_candidate_that_was_judged_is_never_hidden() -> None:
    (found,) = waiting_of(golden.assessment(), (review(),), NOW)
    assert found.judged is not None, "the role may not decide, or something came after it"
    taken_back = review(withdrawn=True, usubjid=None, criterion_id=None, decision=None)
    (found,) = waiting_of(golden.assessment(), (review(), taken_back), NOW)
    assert found.judged is None


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(minutes=59), "less than an hour"),
        (timedelta(hours=1), "for 1 hour"),
        (timedelta(hours=23, minutes=59), "for 23 hours"),
        (timedelta(days=1), "for 1 day"),
        (timedelta(days=2), "for 2 days"),
        (timedelta(seconds=-5), "less than an hour"),
    ],
)
def test_the_clock_of_a_case(ago: timedelta, said: str) -> None:
    assert waits(NOW - ago, NOW).endswith(said)


def test_without_a_time_it_says_so() -> None:
    assert waits(None, NOW) == "not known since when"


def test_who_may_judge_is_the_protocols_word() -> None:
    text = read_protocol()
    assert roles_for(load_protocol(text), "platelets-g4") == ("adjudicators",)
    both = text.replace("dlt:\n", "adjudicators: [investigator, adjudicators]\n\ndlt:\n", 1)
    assert roles_for(load_protocol(both), "platelets-g4") == ("adjudicators", "investigator")
    assert roles_for(None, "platelets-g4") == ()


def test_another_day_of_the_window_is_no_change() -> None:
    subject = golden.subjects()[-4]
    assert subject.window is not None
    older = subject.window.model_copy(update={"day": 1})
    present = subject.model_copy(update={"window": older, "known_at": NOW})
    assert moved_on(golden.assessment(), present) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": "completed"}, "Status: DLT candidate before, Completed now"),
        ({"review": "DLT"}, "Status:"),
        ({"dose_level": 3}, "Dose level: 4 before, 3 now"),
        ({"criteria": golden.criteria("4-05")}, "platelets-g4: Needs review"),
        ({"flags": ("conflict",)}, "Doubts: none before, conflict now"),
        ({"severe": ()}, "Severe events"),
        ({"criteria": golden.criteria("4-05")[:1]}, "death: no longer a criterion"),
    ],
)
def test_whatever_the_person_did_not_see_is_told(changes: dict[str, Any], told: str) -> None:
    candidate = next(one for one in golden.subjects() if one.subject == "4-05")
    found = moved_on(golden.assessment(), candidate.model_copy(update=changes))
    assert told in " ".join(found)


# -- the pages


def test_the_queue_names_case_dose_and_clock(person: httpx2.Client) -> None:
    page = person.get(QUEUE).text
    assert f'href="{CASE}"' in page
    assert SUBJECT not in page.split("<main")[0], "no subject code outside the body of the page"
    assert re.search(r"open for \d+ days when this page was made", page), "it stays open for hours"


def test_the_judged_lead_to_their_case(person: httpx2.Client, neighbours: Acting) -> None:
    by_case = {"usubjid": SUBJECT, "criterion_id": "platelets-g4"}
    neighbours.acts = [
        review(**by_case).model_dump(mode="json"),
        review(**by_case | {"criterion_id": None}, recordid="r-2").model_dump(mode="json"),
        review(usubjid="gone", recordid="r-3").model_dump(mode="json"),
    ]
    page = person.get(QUEUE).text.split('id="judged"')[1]
    assert page.count("<a ") == page.count(f'<a href="{CASE}">4-05: platelets-g4</a>') == 1
    assert "not in this view" in page


def test_a_case_has_all_it_takes_to_decide(person: httpx2.Client) -> None:
    page = person.get(CASE).text
    assert "Platelets grade 4, of any duration" in page
    assert "PLAT 22 10*9/L is &lt; 25 10*9/L" in page
    assert "4-05/LB/C1D15/PLAT" in page
    assert "neutrophils-g4-over-7-days" in page
    assert demo_profile().assessment_digest in page
    assert 'title="2022-12-26 08:00 UTC">2022-12-26 16:00 UTC+8<' in page
    assert "today" not in page, "the page may stay open, and the monitor may be behind"


def test_a_case_shows_in_time_what_it_rests_on(person: httpx2.Client) -> None:
    profile = demo_profile()
    platelets = next(n for n, one in enumerate(profile.series, 1) if one.test == "PLAT")
    page = person.get(CASE).text
    pictures = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', page)
    names = [address.split("/charts/")[1].split(".svg")[0] for address, _ in pictures]
    assert names == ["timeline", f"series-{platelets}"], "no other test: it rests on platelets"
    assert "worst grade 4" in pictures[1][1], "who cannot see it is told the same"
    drawn = person.get(html.unescape(pictures[1][0]))
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert "PLAT" in drawn.text


def test_a_criterion_without_evidence_has_the_time_line_alone() -> None:
    profile = demo_profile()
    (calm,) = (one for one in profile.assessment.criteria if one.id == "grade-5")
    assert charts_of(profile, calm) == ("timeline",)


def test_nothing_is_judged_while_the_monitor_is_behind(
    person: httpx2.Client, neighbours: Acting
) -> None:
    case = person.get(CASE)
    assert "the monitor is behind" not in case.text
    fields = fields_of(case, decision="NOT_DLT", rationale="x", password=PASSWORD)
    neighbours.stale = True
    refused = person.post(CASE, data=fields)
    assert refused.status_code == 409
    for text in (refused.text, person.get(CASE).text):
        assert "Out of date: the monitor is behind" in text
        assert "No judgement now" in text
        assert "<form" not in text.split("<main")[1]
    assert neighbours.recorded == []


def test_a_judgement_is_a_record_bound_to_what_was_seen(
    person: httpx2.Client, neighbours: Acting
) -> None:
    answer = judge(person, role="adjudicators", evaluable="no")
    assert answer.headers["location"] == f"{QUEUE}?note=recorded"
    (event,) = neighbours.recorded
    read_event(event)
    assert event["data"] == {
        "STUDYID": STUDY,
        "USUBJID": SUBJECT,
        "decision": "NOT_DLT",
        "decided_dtc": event["data"]["decided_dtc"],
        "criterion_id": "platelets-g4",
        "assessment_digest": demo_profile().assessment_digest,
        "evaluable": False,
        "role": "adjudicators",
        "linked_recordids": ["4-05/AE/1", "4-05/LB/C1D15/PLAT"],
        "rationale": "Clotted sample",
    }


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"rationale": " "}, "Give the rationale"),
    ({"decision": "MAYBE"}, "Say whether it is a DLT"),
    ({"rationale": "x" * 4001}, "longer than 4000"),
    ({"rationale": "a\x00b"}, "cannot be kept"),
    ({"role": "x" * 201}, "Choose the role"),
    ({"password": "wrong"}, "The password is not right"),
)


def test_what_is_missing_is_said_and_nothing_is_lost(
    person: httpx2.Client, neighbours: Acting
) -> None:
    for more, said in REFUSED:
        answer = judge(person, **more)
        assert (answer.status_code, said in answer.text) == (409, True), said
        assert PASSWORD not in answer.text
        assert "rationale" in more or "Clotted sample</textarea>" in answer.text
    assert neighbours.recorded == []


def test_a_refusal_of_the_intake_is_said(person: httpx2.Client, neighbours: Acting) -> None:
    for status, said in (
        (403, "Your role does not allow it"),
        (409, "This form was sent before"),
        (422, "The record was refused"),
        (429, "Too many wrong passwords"),
        (503, "Not known whether this is on record"),
    ):
        neighbours.event_status = status
        assert said in judge(person).text, said


def test_a_status_that_moved_on_is_shown_again(person: httpx2.Client, neighbours: Acting) -> None:
    fields = fields_of(person.get(CASE), decision="DLT", rationale="x", password=PASSWORD)
    profile = demo_profile()
    calm = profile.assessment.model_copy(update={"status": "in_window", "why": "corrected"})
    neighbours.profile = profile.model_copy(update={"assessment": calm})
    answer = person.post(CASE, data=fields)
    assert answer.status_code == 409
    assert "DLT candidate before, In window now (corrected)" in answer.text
    assert neighbours.recorded == []


def test_a_digest_that_was_never_given_out_is_no_basis(
    person: httpx2.Client, neighbours: Acting
) -> None:
    assert judge(person, digest="sha256:" + "0" * 64).status_code == 409
    assert neighbours.recorded == []


def test_with_a_key_nobody_judges(visitor: httpx2.Client, neighbours: Acting) -> None:
    from tests.services.console.neighbours import KEY

    assert visitor.post("/login", data={"key": KEY}).status_code == 303
    assert "needs an account" in visitor.get(CASE).text
    assert "signed in with a key" in judge(visitor).text
    assert neighbours.recorded == []


def test_who_may_not_judge_gets_no_form(person: httpx2.Client, neighbours: Acting) -> None:
    for role in ("committee_member", "auditor", "study_admin"):
        neighbours.roles = [role]
        assert "<form" not in person.get(CASE).text.split("<main")[1], role


def test_a_form_that_no_page_wrote_does_nothing(person: httpx2.Client, neighbours: Acting) -> None:
    for name, status in (("csrf", 403), ("token", 400), ("digest", 400)):
        assert judge(person, **{name: "guess"}).status_code == status, name
    assert neighbours.recorded == []


def test_another_case_is_not_there(person: httpx2.Client) -> None:
    for case in ("0" * 16 + ".platelets-g4", CASE.split("/")[-1] + "x", "a.b"):
        assert person.get(f"{QUEUE}/{case}").status_code == 404, case


def test_a_case_without_its_protocol_says_so(person: httpx2.Client, neighbours: Acting) -> None:
    neighbours.document = None
    page = person.get(CASE).text
    assert "words could not be had" in page
    assert "Who may judge is not known" in page


def test_a_silent_monitor_is_no_empty_queue(person: httpx2.Client, neighbours: Acting) -> None:
    neighbours.failing["monitor"] = 503
    assert person.get(QUEUE).status_code == 503
    assert person.get(CASE).status_code == 503


def test_a_past_queue_knows_no_later_judgement(person: httpx2.Client, neighbours: Acting) -> None:
    neighbours.past["2022-12-26"] = neighbours.assessment
    neighbours.acts = [
        review(known_at=(HOLD + timedelta(hours=1)).isoformat()).model_dump(mode="json")
    ]
    page = person.get(f"{QUEUE}?known_at=2022-12-26").text
    assert re.search(r"open for \d+ hours then<", page)
    assert "<form" not in page.split("<main")[1]
    assert "Nothing yet." in page


def test_hostile_words_stay_words(person: httpx2.Client, neighbours: Acting) -> None:
    (first, *others) = demo_profile().records
    said = first.model_copy(update={"doubt": HOSTILE, "kind": HOSTILE})
    subject = demo_profile().assessment
    criteria = tuple(one.model_copy(update={"why": HOSTILE}) for one in subject.criteria)
    neighbours.profile = demo_profile().model_copy(
        update={
            "records": (said, *others),
            "assessment": subject.model_copy(update={"criteria": criteria, "subject": HOSTILE}),
        }
    )
    assert "<img src=x" not in person.get(CASE).text
    assert "<img src=x" not in judge(person, rationale=HOSTILE, decision="").text
