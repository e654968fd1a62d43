"""While a large study is read nobody waits for it, and the page of one subject can be had."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.dlt_monitor.asking import Parts, view_of
from services.dlt_monitor.folding import Folding, StillReading
from services.dlt_monitor.freshness import Freshness
from services.dlt_monitor.packet import packet_document
from services.dlt_monitor.profiles import figures_document, profile_to
from services.dlt_monitor.views import View, Views
from services.dlt_monitor.writer import State
from shared.clinical import Study
from shared.contracts.assessment import Assessment
from shared.contracts.packet import Packet
from shared.contracts.profile import Profile, opaque_id
from tests.services.dlt_monitor.station import Station, wait_for
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)


class Slow:
    """Prepares a study only once it is let go on."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *_: object) -> None:
        self.begun.set()
        assert self.go_on.wait(60)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def folding(slow: Slow) -> Iterator[Folding]:
    folding = Folding(slow, most_at_once=3, patience=0.01)
    yield folding
    slow.go_on.set()
    folding.stop()


def test_while_a_large_study_is_read_nobody_waits_for_it(
    station: Station, trial: Trial, folding: Folding, slow: Slow
) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    folding.read_ahead(station.engine)
    assert slow.begun.wait(60)
    row = station.row()
    with station.engine.connect() as conn:
        with pytest.raises(StillReading), folding.folded(conn, row):
            pass
        slow.go_on.set()

        def is_read() -> bool:
            try:
                with folding.folded(conn, row) as folded:
                    return folded.through == row.facts
            except StillReading:
                return False

        wait_for(is_read)


def test_a_few_facts_more_are_folded_at_once(
    station: Station, trial: Trial, folding: Folding, slow: Slow
) -> None:
    slow.go_on.set()
    folding.read_ahead(station.engine)
    station.feed([trial.protocol(), trial.platelets("1-01", DAY_1, "190")])
    row = station.row()
    with station.engine.connect() as conn, folding.folded(conn, row) as folded:
        assert folded.through == row.facts == 2


# -- what is made ahead -----------------------------------------------------------------------


class Ahead:
    """Makes the packet ahead as the service does, once it is let go on."""

    def __init__(self) -> None:
        self.slow = Slow()
        self.made: list[Assessment] = []

    def __call__(self, study: Study, said: Assessment) -> str:
        self.slow()
        self.made.append(said)
        return packet_document(study, said)


@pytest.fixture
def ahead() -> Ahead:
    return Ahead()


@pytest.fixture
def views(station: Station, ahead: Ahead) -> Iterator[Views]:
    """Of a process in which a study of four facts is a large one."""
    views = Views(station.clock, {"packet": ahead}, most_at_once=3)
    yield views
    ahead.slow.go_on.set()
    views.stop()


class Working:
    """A writer that is well and has nothing to do."""

    def start(self) -> None:
        """It needs no thread."""

    def stop(self) -> None:
        """It has none."""

    def state(self) -> State:
        return State(facts=None, deadlines=None, lag=0, last_known_at=None)


@pytest.fixture
def parts(station: Station, views: Views) -> Parts:
    return Parts(station.engine, views, Freshness(Working(), station.clock), station.worker)


def current(station: Station, views: Views) -> View:
    with station.engine.begin() as conn:
        return views.current(conn, station.row())


def test_one_subject_can_be_had_while_the_study_is_read_and_is_told_the_same_afterwards(
    station: Station, trial: Trial, ahead: Ahead, parts: Parts
) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()], [trial.platelets("1-02", DAY_10, "21")])
    view = current(station, parts.views)
    ids = [opaque_id(STUDY, one.usubjid) for one in view.assessment.subjects]
    parts.views.read_ahead(station.engine)
    assert ahead.slow.begun.wait(60)
    meanwhile = [profile_to(parts, view, one) for one in ids]
    with station.engine.begin() as conn, pytest.raises(StillReading):
        parts.views.answer(conn, view, "figures", figures_document)
    ahead.slow.go_on.set()
    parts.views.stop()
    whole = Views(station.clock)
    afterwards = [
        profile_to(Parts(parts.engine, whole, parts.freshness, parts.worker), view, one)
        for one in ids
    ]
    assert meanwhile == afterwards
    found = [Profile.model_validate_json(one or "") for one in meanwhile]
    assert [[one.result for one in told.series[0].values] for told in found] == [
        ["186"],
        ["186", "21"],
        ["186"],
    ]
    assert profile_to(parts, view, opaque_id(STUDY, "nobody")) is None


def test_past_a_deadline_what_was_assessed_last_is_given_as_stale_until_the_study_is_read(
    station: Station, trial: Trial, ahead: Ahead, parts: Parts
) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()])
    stored, deadline = station.assessment(), station.row().next_deadline
    assert deadline is not None
    with view_of(parts, STUDY, None, None) as (view, headers):
        assert (view.assessment.digest, "Vigil-Stale" in headers) == (stored.digest, False)
    parts.views.read_ahead(station.engine)
    assert ahead.slow.begun.wait(60)
    station.clock.set(deadline + timedelta(hours=1))
    with view_of(parts, STUDY, None, None) as (view, headers):
        assert (view.assessment.digest, headers["Vigil-Stale"]) == (stored.digest, "true")
        found = profile_to(parts, view, opaque_id(STUDY, stored.subjects[0].usubjid))
    assert Profile.model_validate_json(found or "").assessment_digest == stored.digest
    with pytest.raises(StillReading), view_of(parts, STUDY, None, deadline.isoformat()):
        pass
    ahead.slow.go_on.set()

    def is_of_now() -> bool:
        with view_of(parts, STUDY, None, None) as (view, headers):
            return view.assessment.as_of > deadline and "Vigil-Stale" not in headers

    wait_for(is_of_now)


def test_the_packet_of_a_large_study_is_made_before_anybody_asks(
    station: Station, trial: Trial, ahead: Ahead, views: Views
) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()])
    ahead.slow.go_on.set()
    views.read_ahead(station.engine)
    wait_for(lambda: bool(ahead.made))
    view = current(station, views)
    with station.engine.begin() as conn:
        found = views.answer(conn, view, "packet", ahead)
    assert [one.digest for one in ahead.made] == [view.assessment.digest]
    assert found is not None
    assert Packet.model_validate_json(found).assessment.digest == view.assessment.digest


def test_after_a_passed_deadline_the_work_ahead_is_that_of_now(
    station: Station, trial: Trial, ahead: Ahead, views: Views
) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()])
    deadline = station.row().next_deadline
    assert deadline is not None
    station.clock.set(deadline + timedelta(hours=1))
    ahead.slow.go_on.set()
    views.read_ahead(station.engine)
    wait_for(lambda: bool(ahead.made))
    assert [one.digest for one in ahead.made] == [current(station, views).assessment.digest]


def test_a_study_can_be_had_although_nothing_could_be_made_ahead(
    station: Station, trial: Trial
) -> None:
    def fails(_study: Study, _said: Assessment) -> str:
        raise ValueError

    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()])
    views = Views(station.clock, {"packet": fails}, most_at_once=3)
    views.read_ahead(station.engine)

    def is_read() -> bool:
        try:
            with station.engine.begin() as conn, views.folded(conn, STUDY) as study:
                return len(study.people()) == 3
        except StillReading:
            return False

    try:
        wait_for(is_read)
    finally:
        views.stop()
