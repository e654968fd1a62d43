"""Graded results on their way out: published once per answer, kept with every version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from services.dlt_monitor.store import LOCK_SPACE, grades
from shared.clinical import Study
from shared.contracts.envelope import Fact
from shared.contracts.graded import GradedResult
from shared.contracts.topics import GRADED
from shared.runtime.clock import ManualClock
from shared.runtime.db import lock_studies
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, message, protocol_text

WHO = "1-01"
DAY_10 = DAY_1 + timedelta(days=9)
BEFORE = DAY_1 - timedelta(days=3)
ALT = "Alanine aminotransferase increased"
NEUTROPHILS = "Neutrophil count decreased"
_studies = count(1)


def lab(trial: Trial, test: str, value: str, day: date, unit: str, **data: Any) -> Fact:
    how = {name: data.pop(name) for name in ("revision", "op") if name in data}
    body = {"LBTESTCD": test, "LBORRES": value, "LBORRESU": unit, "LBDTC": f"{day}T08:30", **data}
    return trial.fact("lab", f"{test}/{day}", at(DAY_10), subject=WHO, **body, **how)


def alt(trial: Trial, value: str, day: date = DAY_10, **data: Any) -> Fact:
    return lab(trial, "ALT", value, day, "U/L", LBORNRHI="40", LBORNRLO="7", **data)


def sent(station: Station, term: str = ALT, day: date = DAY_10) -> list[GradedResult]:
    """What went out about one term and day, in order."""
    everything = [
        GradedResult.model_validate_json(one.value) for one in station.published(GRADED.name)
    ]
    return [one for one in everything if one.term == term and one.occurred == day]


def grades_of(results: Sequence[GradedResult]) -> list[object]:
    return [one.not_gradable or one.grade_low for one in results]


def start(station: Station, trial: Trial) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.treated(WHO)])


def test_a_late_baseline_publishes_the_next_version(station: Station, trial: Trial) -> None:
    start(station, trial)
    station.feed([alt(trial, "150")])
    station.feed([alt(trial, "120", BEFORE)])
    station.feed([alt(trial, "30", BEFORE, revision=2)])
    results = sent(station)
    assert grades_of(results) == ["no_baseline", 0, 2]
    assert [one.version for one in results] == [1, 2, 3]
    assert len({one.id for one in results}) == 1
    names = [one.id for one in station.published(GRADED.name)]
    assert len(set(names)) == len(names)


def test_an_answer_that_stays_is_not_published_again(station: Station, trial: Trial) -> None:
    start(station, trial)
    station.feed([alt(trial, "30", BEFORE)], [alt(trial, "150")])
    before = station.published(GRADED.name)
    # Another baseline record, and so another reason in the evidence, but the same normal baseline.
    nearer = alt(trial, "30", BEFORE + timedelta(days=1))
    station.feed([nearer, trial.complete(WHO, known=at(DAY_10))])
    new = station.published(GRADED.name)[len(before) :]
    assert [GradedResult.model_validate_json(one.value).evidence.recordid for one in new] == [
        nearer.recordid
    ]


def test_a_deleted_or_corrected_record_takes_its_grade_along(
    station: Station, trial: Trial
) -> None:
    start(station, trial)
    station.feed([lab(trial, "NEUT", "0.4", DAY_10, "10^9/L")])
    station.feed([lab(trial, "NEUT", "4.0", DAY_10, "10^9/L", revision=2, LBORNRLO="1.8")])
    name = f"NEUT/{DAY_10}"
    station.feed([trial.fact("lab", name, at(DAY_10), subject=WHO, revision=3, op="delete")])
    seen = [(one.grade_low, one.version, one.withdrawn) for one in sent(station, NEUTROPHILS)]
    assert set(seen[1:3]) == {(4, 2, True), (0, 1, False)}
    assert (seen[0], seen[3:]) == ((4, 1, False), [(0, 2, True)])
    assert standing(station) == {}


def test_another_version_of_ctcae_regrades_everything(station: Station, trial: Trial) -> None:
    start(station, trial)
    station.feed([lab(trial, "NEUT", "0.3", DAY_10, "10^9/L")])
    text = protocol_text().replace('ctcae: "5.0"', 'ctcae: "4.03"')
    station.feed([amended(trial, text.replace("    - Tumor hemorrhage\n", ""))])
    results = sent(station, NEUTROPHILS)
    assert [(one.ctcae, one.version) for one in results] == [("5.0", 1), ("4.03", 2)]
    assert {one.ctcae for one in standing(station).values()} == {"4.03"}


def amended(trial: Trial, text: str) -> Fact:
    return trial.fact("protocol", "protocol", at(DAY_10), revision=2, version="2", document=text)


def test_a_site_that_another_record_names_moves_the_day(station: Station, trial: Trial) -> None:
    start(station, trial)
    sites = "time_zone: Asia/Shanghai\nsites: {S1: America/New_York}"
    early = lab(trial, "NEUT", "0.3", DAY_10, "10^9/L", LBDTC=f"{DAY_10}T02:00:00Z")
    station.feed(
        [amended(trial, protocol_text().replace("time_zone: Asia/Shanghai", sites)), early]
    )
    other: dict[str, Any] = {"SITEID": "S1", "CMTRT": "paracetamol", "CMSTDTC": str(DAY_10)}
    station.feed([trial.fact("concomitant", "CM", at(DAY_10), subject=WHO, **other)])
    (result,) = sent(station, NEUTROPHILS, DAY_10 - timedelta(days=1))
    assert result.version == 2


# -- any order ------------------------------------------------------------------------------------


def history(trial: Trial) -> list[Fact]:
    """Baselines, companions, corrections, a deletion, a change of the protocol's version."""
    unit = "10^9/L"
    return [
        trial.protocol(),
        *trial.treated(WHO),
        alt(trial, "30", BEFORE),
        alt(trial, "120", BEFORE, revision=2),
        alt(trial, "150"),
        lab(trial, "CA", "1.70", DAY_10, "mmol/L", LBORNRLO="2.1", LBORNRHI="2.6"),
        lab(trial, "ALB", "20", DAY_10, "g/L"),
        lab(trial, "NEUT", "0.4", DAY_10, unit),
        lab(trial, "NEUT", "4.0", DAY_10, unit, revision=2, LBORNRLO="1.8"),
        trial.fact("lab", f"ALB/{DAY_10}", at(DAY_10), subject=WHO, revision=2, op="delete"),
        amended(trial, protocol_text(trial.study).replace('version: "1"', 'version: "2"')),
    ]


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_what_stands_is_what_grading_from_scratch_gives(
    engine: Engine, data: st.DataObject
) -> None:
    trial = Trial(f"GRADES-{next(_studies)}")
    facts = data.draw(st.permutations(history(trial)))
    station = Station(engine, ManualClock(at(DAY_10)))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(facts)))) | {len(facts)})
    for begin, end in pairwise([0, *cuts]):
        apply(station, facts[begin:end])

    fresh = Study(trial.study)
    fresh.add(facts)
    expected = {one.id: one for one in fresh.graded(trial.usubjid(WHO)) if one.test != "PLAT"}
    found = standing(station, trial.study)
    assert found.keys() == expected.keys()
    assert all(one.says_the_same(expected[name]) for name, one in found.items())
    station.close()


def apply(station: Station, facts: Sequence[Fact]) -> None:
    """Hand facts to the monitor as a worker does, without the bus between."""
    with station.engine.begin() as conn:
        lock_studies(conn, {fact.study for fact in facts}, space=LOCK_SPACE)
        station.monitor.on_facts(conn, [message(fact) for fact in facts])


def test_what_a_rolled_back_transaction_told_is_told_again(
    station: Station, trial: Trial, engine: Engine
) -> None:
    apply(station, [trial.protocol(), *trial.treated(WHO)])
    fact = alt(trial, "150")
    with engine.connect() as conn, conn.begin() as transaction:
        lock_studies(conn, [STUDY], space=LOCK_SPACE)
        station.monitor.on_facts(conn, [message(fact)])
        transaction.rollback()
    assert sent(station) == []
    apply(station, [fact])
    assert grades_of(sent(station)) == ["no_baseline"]


def standing(station: Station, study: str = STUDY) -> dict[str, GradedResult]:
    """What readers are shown, platelets aside."""
    with station.engine.connect() as conn:
        found = grades.grades_after(conn, study, after=0, standing=True, subject=None, limit=10_000)
    results = [GradedResult.model_validate_json(one.document) for one in found]
    return {one.id: one for one in results if one.test != "PLAT"}
