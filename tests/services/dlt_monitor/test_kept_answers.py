"""What readers are told is what it would be without any memory, whatever came in since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from services.dlt_monitor.answers import Answers
from services.dlt_monitor.memory import stored_facts
from services.dlt_monitor.store.studies import StudyRow
from services.dlt_monitor.views import View, Views
from shared.clinical import Study
from shared.clinical.figures import figures_of
from shared.clinical.packet import outlook_of, packet_of
from shared.clinical.profile import profile_of
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.profile import opaque_id
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

OTHER = "NCT00000002"
DAY_10, DAY_12 = DAY_1 + timedelta(days=9), DAY_1 + timedelta(days=11)


def news(trial: Trial) -> list[list[Fact]]:
    """What comes in one after the other: a result, one known long ago that arrives late, a
    correction, a deletion, a further subject."""
    low = trial.platelets("1-01", DAY_10, "21")
    return [
        [low],
        [trial.platelets("1-02", DAY_1 + timedelta(days=4), "60")],
        [trial.platelets("1-01", DAY_10, "210", revision=2, known=at(DAY_10, 14))],
        [trial.fact("lab", low.recordid, at(DAY_10, 15), subject="1-01", revision=3, op="delete")],
        trial.treated("1-04", DAY_10),
    ]


def answers(study: Study, said: Assessment) -> dict[str, str | None]:
    """Every answer that is kept, worked out."""
    profile = profile_of(study, said, opaque_id(study.study, f"{study.study}-1-01"))
    return {
        "profile": profile.model_dump_json() if profile else None,
        "figures": figures_of(study, said).model_dump_json(),
        "packet": packet_of(study, said).model_dump_json(),
        "outlook": outlook_of(study, said).model_dump_json(),
    }


def told(views: Views, conn: Connection, view: View) -> dict[str, str | None]:
    """The same by way of the views."""

    def ask(name: str) -> str | None:
        return views.answer(conn, view, name, lambda study, said: answers(study, said)[name])

    return {name: ask(name) for name in ("profile", "figures", "packet", "outlook")}


def afresh(conn: Connection, row: StudyRow) -> Study:
    """The study of the stored facts, without any memory."""
    study = Study(row.study)
    for facts in stored_facts(conn, row.study, after=0, through=row.facts):
        study.add(facts)
    return study


def check(views: Views, station: Station, name: str, past: Sequence[datetime | date]) -> None:
    with station.engine.begin() as conn:
        row = station.row(name)
        study = afresh(conn, row)
        for moment in (None, *past):
            view = views.at(conn, row, moment, moment) if moment else views.current(conn, row)
            assert told(views, conn, view) == answers(study, view.assessment)
            again = study.assess(
                as_of=view.assessment.as_of,
                known_at=view.assessment.known_at,
                applied_through=view.assessment.applied_through,
            )
            assert view.assessment == again


@pytest.fixture
def views(station: Station) -> Views:
    return Views(station.clock)


def test_whatever_comes_in_the_answers_are_those_of_the_facts(
    station: Station, views: Views, trial: Trial
) -> None:
    other = Trial(OTHER)
    station.clock.set(at(DAY_12))
    for one in (trial, other):
        station.feed([one.protocol(), *one.cohort()])
    past = [at(DAY_10, 13), DAY_10]
    for portion in ([], *news(trial)):
        station.feed(portion)
        check(views, station, STUDY, past)
        check(views, station, OTHER, past[:1])


def test_the_same_question_of_the_same_facts_is_worked_out_once(
    station: Station, views: Views, trial: Trial
) -> None:
    station.clock.set(at(DAY_12))
    station.feed([trial.protocol(), *trial.cohort()])
    worked: list[str] = []

    def ask() -> None:
        def work(_study: Study, said: Assessment) -> str:
            worked.append(said.digest)
            return "answer"

        with station.engine.begin() as conn:
            views.answer(conn, views.current(conn, station.row()), "question", work)

    ask()
    ask()
    assert len(worked) == 1
    station.feed([trial.platelets("1-02", DAY_1, "190", name="again", known=at(DAY_1, 13))])
    ask()
    assert len(worked) == 2


def test_what_has_not_been_asked_for_longest_gives_way() -> None:
    kept = Answers(most=5)
    made: list[str] = []

    def ask(key: str) -> str:
        def work() -> str:
            made.append(key)
            return key * 2

        return kept.get(key, work)

    assert [ask(key) for key in "abacab"] == ["aa", "bb", "aa", "cc", "aa", "bb"]
    assert "".join(made) == "abcb"


def test_an_answer_that_finds_nothing_is_asked_again() -> None:
    kept, found = Answers(), iter([None, "here"])
    assert [kept.get("key", lambda: next(found)) for _ in range(2)] == [None, "here"]
