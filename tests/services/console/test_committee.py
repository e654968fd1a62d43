"""The committee's page: what it shows of the snapshot, and when a decision is refused."""

import re
from typing import Any

import httpx2
import pytest

from shared.contracts.assessment import Assessment, DltCount
from shared.contracts.envelope import read_event
from tests.services.console.acting_neighbours import (
    COMMITTEE,
    PASSWORD,
    Acting,
    lettered_table,
    small_packet,
)
from tests.services.console.acting_support import fields_of
from tests.services.console.golden import STUDY

HOSTILE = "<img src=x onerror=alert(1)>\"'"
OVERRIDE = {
    "choice": "other", "action": "expand", "level": "4",
    "override_reason": "the sponsor asks", "second_login": "second", "second_password": PASSWORD,
}  # fmt: skip


@pytest.fixture
def neighbours() -> Acting:
    found = Acting()
    found.roles = ["committee_member"]
    return found


@pytest.fixture
def person(visitor: httpx2.Client) -> httpx2.Client:
    """Signed in with a password."""
    signed = visitor.post("/login", data={"login": "somebody", "password": PASSWORD})
    assert signed.status_code == 303
    return visitor


def decide(person: httpx2.Client, **more: str) -> httpx2.Response:
    fields = {"choice": "hold.4", "rationale": "2/6", "password": PASSWORD, **more}
    return person.post(COMMITTEE, data=fields_of(person.get(COMMITTEE), **fields))


def show(neighbours: Acting, **changes: Any) -> Assessment:
    """What the monitor says from now on, under the digest of before."""
    present = small_packet().assessment.model_copy(update=changes)
    neighbours.assessment = present
    neighbours.packet = small_packet().model_copy(update={"assessment": present})
    return present


def test_the_page_renews_itself_but_for_a_refused_form_and_the_past(
    person: httpx2.Client,
) -> None:
    refused = decide(person, password="wrong")
    assert "Not recorded." in refused.text
    past = person.get(f"{COMMITTEE}?known_at=2022-12-26")
    assert [
        ("data-live" in page.text, "console.js" in page.text, 'id="moved"' in page.text)
        for page in (person.get(COMMITTEE), refused, past)
    ] == [(True, True, True), (False, False, False), (False, False, False)]


def test_the_snapshot_has_rule_counts_table_and_outlook(person: httpx2.Client) -> None:
    page = person.get(COMMITTEE).text
    assert "Hold enrolment at 4 mg/kg" in page
    assert "3 mg/kg: escalate" in page, "the cell in which a dose stands"
    assert "In no line of the table" in page
    assert "beside those confirmed already" in page, "0 DLTs is none of the pending"
    assert "0 DLTs at 4 mg/kg: finish at 4 mg/kg" in page
    assert page.count('<tr class="marked">') == 3, "the dose spoken of and two lines of the table"
    assert "Enrolment is held" in page


def test_the_counts_stand_under_their_names_and_dlts_first(person: httpx2.Client) -> None:
    table = person.get(COMMITTEE).text.split('id="counts"')[1].split("</table>")[0]
    names = re.findall(r'<th scope="col">([^<]+)</th>', table)
    assert names[2:5] == ["DLT confirmed", "DLT candidate", "DLT open"], "a phone cuts off the rest"
    for line, dose in zip(table.split("<tr")[2:], small_packet().assessment.doses, strict=True):
        counts = dict(zip(names[2:], re.findall(r"<td>(\d+)</td>", line), strict=True))
        assert f">{dose.label}" in line
        assert counts == {
            "DLT confirmed": str(dose.dlt.confirmed),
            "DLT candidate": str(dose.dlt.candidate),
            "DLT open": str(dose.dlt.open),
            "Treated": str(dose.treated),
            "Evaluable": str(dose.evaluable),
            "Pending": str(dose.pending),
            "Not evaluable": str(dose.not_evaluable),
            "Late toxicity": str(dose.late_toxicity),
        }


def test_only_who_may_lift_the_hold_is_told_to(person: httpx2.Client, neighbours: Acting) -> None:
    how = "tick “This lifts the hold”"
    assert f"{how}. First a candidate" in " ".join(person.get(COMMITTEE).text.split())
    past = person.get(f"{COMMITTEE}?known_at=2022-12-26").text
    assert "Enrolment is held" in past
    assert how not in past
    assert '/adjudication?known_at=2022-12-26">judged' in past
    neighbours.roles = ["auditor"]
    page = person.get(COMMITTEE).text
    assert "Enrolment is held" in page
    assert how not in page


def test_a_table_by_number_of_dlts_marks_the_very_cell(
    person: httpx2.Client, neighbours: Acting
) -> None:
    """3 mg/kg has 1 DLT of 6: stay in the second cell of its line, not in the third."""
    neighbours.packet = small_packet().model_copy(update={"table": lettered_table()})
    page = person.get(COMMITTEE).text
    rows = page.split("The design’s decision table")[1].split("<tbody>")[1].split("</tbody>")[0]
    first, second = rows.split("</tr>")[:2]
    assert re.findall('class="letter [a-z ]+"', second)[:3] == [
        'class="letter go"', 'class="letter wait stood"', 'class="letter wait"',
    ]  # fmt: skip
    assert "Stay: 3 mg/kg" in second, "said, not only shown"
    assert "<b>3 mg/kg: stay</b>" in second
    assert "stood" not in first
    assert first.count("<td></td>") == 3 + 1, "of three patients nobody has six DLTs; none stands"
    assert "ESDU" not in page


def test_a_changed_basis_cannot_be_overlooked(person: httpx2.Client, neighbours: Acting) -> None:
    first, *others = small_packet().assessment.decisions
    changed = first.model_copy(
        update={"basis": "changed", "basis_text": "1/3 is known now", "countersigned_by": "Second"}
    )
    show(neighbours, decisions=(changed, *others))
    page = person.get(COMMITTEE).text
    assert page.count("Basis changed") == 1
    assert '<p class="failed">1/3 is known now</p>' in page
    assert "override countersigned by Second" in page


def test_a_decision_is_a_record_bound_to_the_snapshot(
    person: httpx2.Client, neighbours: Acting
) -> None:
    answer = decide(person, members="Chair, Second , ", decided="2022-12-20")
    assert answer.headers["location"] == f"{COMMITTEE}?note=recorded"
    (event,) = neighbours.recorded
    read_event(event)
    assert event["subject"] == STUDY
    assert event["data"] == {
        "STUDYID": STUDY,
        "action": "hold",
        "decided_dtc": "2022-12-20",
        "dose_level": 4,
        "assessment_digest": small_packet().assessment.digest,
        "lifts_hold": False,
        "rationale": "2/6",
        "members": ["Chair", "Second"],
    }
    assert neighbours.confirmed == [None]


def test_an_override_is_confirmed_by_two(person: httpx2.Client, neighbours: Acting) -> None:
    assert decide(person, **OVERRIDE).status_code == 303
    (event,) = neighbours.recorded
    assert event["data"]["override_reason"] == "the sponsor asks"
    assert neighbours.confirmed == [None, "second"]


def test_an_override_needs_reason_and_second_person(
    person: httpx2.Client, neighbours: Acting
) -> None:
    for left_out in ("override_reason", "second_login"):
        answer = decide(person, **{**OVERRIDE, left_out: ""})
        assert answer.status_code == 409, left_out
        assert "The design says hold at dose level 4 now" in answer.text
        assert "give its reason, and a second person" in answer.text
    assert neighbours.recorded == []


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"choice": "expand.4"}, "This is an override"),
    ({"choice": "hold.9"}, "Choose a decision"),
    ({"choice": "wait.4"}, "Choose a decision"),
    ({"choice": "other"}, "Choose a decision"),
    ({"rationale": ""}, "Give the rationale"),
    ({"decided": "9999-01-01"}, "lies in the future"),
    ({"decided": "soon"}, "is no date"),
    ({"lifts_hold": "yes"}, "cannot hold enrolment and lift"),
    ({"choice": "stop.4", "lifts_hold": "yes"}, "A candidate DLT has not been judged"),
    ({"mtd": "3"}, "The rule names no level as the MTD"),
    ({"rp2d": "3"}, "An RP2D is a dose up to the MTD"),
    ({"override_reason": "why not"}, "leave the fields of the override empty"),
    ({"second_login": "second"}, "leave the fields of the override empty"),
    ({"members": ",".join("abc" for _ in range(31))}, "Name up to 30 members"),
    ({"password": "wrong"}, "The password is not right"),
)


def test_what_the_design_does_not_allow_is_refused_with_the_reason(
    person: httpx2.Client, neighbours: Acting
) -> None:
    for more, said in REFUSED:
        answer = decide(person, **more)
        assert (answer.status_code, said in answer.text) == (409, True), said
    assert neighbours.recorded == []


def test_what_was_typed_is_given_back_and_no_password(person: httpx2.Client) -> None:
    page = decide(person, **{**OVERRIDE, "second_login": "", "rationale": "because"}).text
    assert "because</textarea>" in page
    assert "the sponsor asks</textarea>" in page
    assert '<option value="expand" selected>' in page
    assert '<details class="override" data-key="override" open>' in page
    assert PASSWORD not in page


def test_without_a_hold_there_is_none_to_lift(person: httpx2.Client, neighbours: Acting) -> None:
    present = show(neighbours, status="open")
    neighbours.given[present.digest] = present
    assert 'name="lifts_hold"' not in person.get(COMMITTEE).text
    assert "There is no hold to lift" in decide(person, choice="stop.4", lifts_hold="yes").text


def test_a_status_that_moved_on_is_shown_again(person: httpx2.Client, neighbours: Acting) -> None:
    fields = fields_of(person.get(COMMITTEE), choice="hold.4", rationale="x", password=PASSWORD)
    *others, last = small_packet().assessment.doses
    confirmed = last.model_copy(update={"dlt": DltCount(confirmed=2, candidate=0, open=0)})
    show(neighbours, doses=(*others, confirmed))
    answer = person.post(COMMITTEE, data=fields)
    assert answer.status_code == 409
    assert "1 confirmed and 1 candidate of 6" in answer.text
    assert "2 confirmed and 0 candidate of 6" in answer.text
    assert neighbours.recorded == []


def test_nothing_is_decided_while_the_monitor_is_behind(
    person: httpx2.Client, neighbours: Acting
) -> None:
    fields = fields_of(person.get(COMMITTEE), choice="hold.4", rationale="x", password=PASSWORD)
    neighbours.stale = True
    refused = person.post(COMMITTEE, data=fields)
    assert refused.status_code == 409
    page = person.get(COMMITTEE).text
    for text in (refused.text, page):
        assert "Out of date: the monitor is behind" in text
        assert "No decision now" in text
        assert "<form" not in text.split("<main")[1]
    assert "Counts by dose level" in page
    assert neighbours.recorded == []


def test_what_takes_long_to_work_out_may_be_missing(
    person: httpx2.Client, neighbours: Acting
) -> None:
    neighbours.still_reading = True
    page = person.get(COMMITTEE).text
    assert "The monitor is still reading the study’s records, after its start." in page
    assert page.count("Not known now.") == 2
    assert "Nobody is pending" not in page
    assert "decides by the whole trial" not in page
    assert 'name="rationale"' in page


def test_an_outlook_of_another_assessment_is_not_shown(
    person: httpx2.Client, neighbours: Acting
) -> None:
    neighbours.assessment = neighbours.assessment.model_copy(
        update={"digest": f"sha256:{'0' * 64}"}
    )
    page = person.get(COMMITTEE).text
    assert "The study changed while this page was made." in page
    assert page.count("Not known now.") == 2


def test_who_may_not_decide_gets_no_form(person: httpx2.Client, neighbours: Acting) -> None:
    for role in ("medical_monitor", "auditor", "study_admin"):
        neighbours.roles = [role]
        assert "<form" not in person.get(COMMITTEE).text.split("<main")[1], role


def test_a_form_that_no_page_wrote_does_nothing(person: httpx2.Client, neighbours: Acting) -> None:
    for name, status in (("csrf", 403), ("token", 400), ("digest", 400)):
        assert decide(person, **{name: "guess"}).status_code == status, name
    assert neighbours.recorded == []


def test_a_past_snapshot_decides_nothing(person: httpx2.Client) -> None:
    page = person.get(f"{COMMITTEE}?known_at=2022-12-26").text
    assert "<form" not in page.split("<main")[1]
    assert "packet.pdf?known_at=2022-12-26" in page


def test_a_design_without_a_table_says_so(person: httpx2.Client, neighbours: Acting) -> None:
    neighbours.packet = small_packet().model_copy(update={"table": None})
    assert "decides by the whole trial" in person.get(COMMITTEE).text


def test_hostile_words_stay_words(person: httpx2.Client, neighbours: Acting) -> None:
    first, *others = small_packet().assessment.decisions
    hostile = first.model_copy(update={"actor": HOSTILE, "basis_text": HOSTILE})
    doses = tuple(
        one.model_copy(update={"label": HOSTILE}) for one in small_packet().assessment.doses
    )
    show(neighbours, decisions=(hostile, *others), doses=doses)
    assert "<img src=x" not in person.get(COMMITTEE).text
    typed = dict.fromkeys(("rationale", "members", "second_login", "decided"), HOSTILE)
    assert "<img src=x" not in decide(person, **typed).text
