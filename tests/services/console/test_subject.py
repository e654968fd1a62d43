"""The page of one subject: what is shown, where evidence leads, and what is not known."""

from collections.abc import Iterator
from typing import get_args

import httpx2
import pytest

from services.console.subject_view import NEWEST_VALUES, anchor, grade_of, view_of, when
from services.console.words import SUBJECT_STATES
from shared.contracts.assessment import SubjectStatus
from tests.services.console import golden, golden_profile
from tests.services.console.golden_profile import graded, on, profile, series, value
from tests.services.console.neighbours import Neighbours
from tests.services.console.test_access import BOARD
from tests.services.console.test_pages import NASTY

PAGE = f"{BOARD}/subject/{golden_profile.ID}"
LABELS = {4: "4 mg/kg"}


def test_the_page_shows_everything_known(person: httpx2.Client) -> None:
    page = person.get(PAGE)
    assert page.status_code == 200
    wanted = (
        "DLT candidate",
        "4 mg/kg",
        "day 15 of 21",
        "Asia/Shanghai, UTC+08:00",
        "Needs review: platelets-g4",
        'title="2022-12-26 09:30 UTC">2022-12-26 17:30 UTC+8</time>',
        "2022-12 (uncertain: 2022-12-25 to 2022-12-26)",
        "Grade 2 to 3 from 2022-12-25, day 14",
        "Grade 4 from 2022-12-26, day 15",
        "reported as “low platelets”",
        "in conflict",
        "the day of onset is not stated",
        "not over, or not stated",
        "Not given",
        "ADVERSE EVENT",
        "2 days late",
        "Reduced",
        "Derived: QT divided by the cube root of RR",
        "Overdue",
        "43 mm",
        "PLATELETS",
        "moved away",
        "no other cause",
        "a digit too many",
        "Replaced",
        "Deleted",
        "relatedness of the adverse event",
    )
    assert [text for text in wanted if text not in page.text] == []
    assert " UTC</time>" not in page.text, "every moment by the site's clock"
    case = f"{BOARD}/adjudication/{golden_profile.ID}.platelets-g4"
    assert page.text.count("/adjudication/") == 1, "one criterion waits for a judgement"
    assert f'href="{case}"' in page.text
    assert 'title="2022-12-26 09:30 UTC"' in page.text, "the site's time has UTC behind it"


def test_what_is_not_on_record_is_said(person: httpx2.Client, neighbours: Neighbours) -> None:
    nobody = profile().assessment.model_copy(update={"window": None, "criteria": ()})
    empty = profile(
        assessment=nobody,
        first_dose=None,
        age=None,
        site=None,
        consented=None,
        doses=(),
        events=(),
        series=(),
        queries=(),
        reviews=(),
        records=(),
    )
    neighbours.profiles = {(golden_profile.ID, None): empty}
    page = person.get(PAGE).text
    assert page.count("not on record") == 5
    assert "No DLT window" in page
    assert "No criterion has been looked at." in page
    assert page.count("None on record.") == 3


def test_every_citation_leads_to_the_versions_of_its_record(person: httpx2.Client) -> None:
    page = person.get(PAGE).text
    places = {piece.split('"')[0] for piece in page.split(' id="')[1:]}
    cited = [piece.split('"')[0] for piece in page.split('href="#record-')[1:]]
    assert cited
    assert {f"record-{one}" for one in cited} <= places
    assert f'href="#{anchor(golden.SOURCE, "LB-4-05-D15")}"' in page
    elsewhere = f'href="{PAGE}?whole=true#{anchor(golden.SOURCE, "LB-4-05-D8")}"'
    assert elsewhere in page, "what is not on the page is on the one with everything"
    whole = person.get(f"{PAGE}?whole=true").text
    assert f'id="{anchor(golden.SOURCE, "LB-4-05-D8")}"' in whole
    assert "Everything is shown" in whole


def test_left_out_is_only_what_says_nothing_and_how_much_is_said(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    plain = [value(day, "200", graded(0, 0)) for day in range(1, 31)]
    plain[9] = value(10, "60", graded(2, 2))
    plain[10] = value(11, "5", graded(None, None))
    neighbours.profiles = {(golden_profile.ID, None): profile(series=(series(*plain),))}
    ((_, (test,)),) = view_of(profile(series=(series(*plain),)), LABELS).tests
    shown = [row.value.on.day for row in test.rows]
    assert shown == [1, 10, 11, *range(31 - NEWEST_VALUES, 31)]
    assert test.left_out == 30 - len(shown)
    assert f"{test.left_out} more of grade 0 are not shown here." in person.get(PAGE).text
    assert "are not shown here" not in person.get(f"{PAGE}?whole=true").text


def worst_of(*grades: tuple[int | None, int | None]) -> str:
    values = [value(day, "1", graded(*one)) for day, one in enumerate(grades, start=1)]
    ((_, (test,)),) = view_of(profile(series=(series(*values),)), LABELS).tests
    return test.worst.text


def test_a_value_nobody_could_grade_is_not_grade_0() -> None:
    assert worst_of((0, 0), (None, None)) == "Grade 0, in part not gradable"
    assert worst_of((None, None)) == "Not gradable"
    assert worst_of((0, 0), (1, 3), (2, 2)) == "Grade 1 to 3"
    assert worst_of((3, 3), (None, None)) == "Grade 3, in part not gradable"


def test_a_withdrawn_value_is_shown_but_is_nobodys_worst() -> None:
    withdrawn = series(
        value(1, "150", graded(0, 0)), value(8, "5", graded(4, 4), state="withdrawn")
    )
    ((_, (test,)),) = view_of(profile(series=(withdrawn,)), LABELS).tests
    assert test.worst.text == "Grade 0"
    assert test.last == "150, 2022-12-12, day 1"
    assert [row.value.state for row in test.rows] == ["stands", "withdrawn"]


@pytest.mark.parametrize(
    ("low", "high", "text", "tone"),
    [
        (0, 0, "Grade 0", "calm"),
        (1, 1, "Grade 1", "wait"),
        (2, 2, "Grade 2", "wait"),
        (3, 3, "Grade 3", "warn"),
        (2, 4, "Grade 2 to 4", "stop"),
        (5, 5, "Grade 5", "stop"),
        (None, None, "Not gradable", "warn"),
    ],
)
def test_a_grade_takes_the_tone_of_the_worst_it_may_be(
    low: int | None, high: int | None, text: str, tone: str
) -> None:
    grade = grade_of(low, high)
    assert (grade.text, grade.tone) == (text, tone)


def test_a_day_is_told_only_where_it_is_certain() -> None:
    assert when(on(3)) == "2022-12-14, day 3"
    assert when(on(3).model_copy(update={"day": None})) == "2022-12-14"
    unsure = on(3, stated="2022-12", last=golden.TODAY)
    assert when(unsure) == "2022-12 (uncertain: 2022-12-14 to 2022-12-26)"


def test_every_status_can_be_written(person: httpx2.Client, neighbours: Neighbours) -> None:
    for status in get_args(SubjectStatus):
        said = profile().assessment.model_copy(update={"status": status})
        neighbours.profiles = {(golden_profile.ID, None): profile(assessment=said)}
        assert SUBJECT_STATES[status].text in person.get(PAGE).text


def test_a_past_view_is_marked_and_stays_in_the_past(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.profiles[golden_profile.ID, "2022-12-20"] = profile()
    page = person.get(PAGE, params={"known_at": "2022-12-20"}).text
    assert "Past view." in page
    assert 'method="post" action="' in page
    assert [p.split('"')[0] for p in page.split('method="post" action="')[1:]] == ["/logout"]
    assert "data-live" not in page
    assert f'href="{PAGE}?whole=true&amp;known_at=2022-12-20' in page
    assert f'href="{BOARD}?known_at=2022-12-20"' in page
    assert person.get(PAGE, params={"known_at": "2022-12-19"}).status_code == 404


def test_degraded_stale_and_silence_are_said(person: httpx2.Client, neighbours: Neighbours) -> None:
    neighbours.stale = True
    neighbours.profiles = {
        (golden_profile.ID, None): profile(degraded=True, stale_since=golden.NOW)
    }
    page = person.get(PAGE).text
    for text in ("Degraded: some records", "Out of date", "Stale since"):
        assert text in page


def test_there_is_no_page_of_nobody(person: httpx2.Client) -> None:
    for name in ("4-05", "0" * 15, "0" * 16, "G" * 16):
        assert person.get(f"{BOARD}/subject/{name}").status_code == 404


def test_without_the_monitor_nothing_is_shown(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    person.get("/")
    neighbours.failing["monitor"] = 503
    page = person.get(PAGE)
    assert page.status_code == 503
    assert "platelets" not in page.text


def test_no_subject_code_is_part_of_an_address(person: httpx2.Client) -> None:
    page = person.get(PAGE).text
    addresses = [
        piece.split('"')[0]
        for attribute in ('href="', 'action="', 'src="', ' id="')
        for piece in page.split(attribute)[1:]
    ]
    assert not [one for one in addresses if golden_profile.CODE in one]


def _hostile(fields: object) -> Iterator[tuple[str, object]]:
    """Every free text of a part replaced by markup."""
    for name, found in fields.__dict__.items():
        if isinstance(found, str) and name not in ("stated", "state", "related", "domain"):
            yield name, NASTY


def test_markup_in_a_record_stays_text(person: httpx2.Client, neighbours: Neighbours) -> None:
    plain = profile()
    event = plain.events[0].model_copy(
        update={**dict(_hostile(plain.events[0])), "doubts": (NASTY,)}
    )
    review = plain.reviews[0].model_copy(update={"rationale": NASTY, "actor": NASTY})
    record = plain.records[1].model_copy(
        update={
            "recordid": NASTY,
            "source": NASTY,
            "doubt": NASTY,
            "versions": tuple(
                one.model_copy(update={"says": NASTY, "actor": NASTY, "reason": NASTY})
                for one in plain.records[1].versions
            ),
        }
    )
    tests = series(value(15, NASTY, graded(4, 4, term=NASTY, why=NASTY)), test=NASTY, unit=NASTY)
    neighbours.profiles = {
        (golden_profile.ID, None): profile(
            events=(event,),
            reviews=(review,),
            records=(record,),
            series=(tests,),
            site=NASTY,
            doses=(plain.doses[1].model_copy(update={"why_not": NASTY, "treatment": NASTY}),),
            treatments=(plain.treatments[0].model_copy(update={"name": NASTY, "reason": NASTY}),),
            leaving=(plain.leaving[0].model_copy(update={"words": NASTY, "decision": NASTY}),),
        )
    }
    text = person.get(PAGE).text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 20
    assert " style=" not in text
