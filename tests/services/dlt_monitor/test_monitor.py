"""What the monitor makes of facts, whatever the order, and of what it cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from services.dlt_monitor.audit import verify
from services.dlt_monitor.monitor import GROUP
from services.dlt_monitor.store import LOCK_SPACE, studies
from services.dlt_monitor.ticker import Ticker
from shared.clinical import evaluate, standing_signals
from shared.contracts.envelope import Fact
from shared.contracts.signals import SignalType
from shared.contracts.topics import ASSESSMENTS, GRADED, SIGNALS
from shared.runtime import outbox
from shared.runtime.clock import FileClock, ManualClock
from shared.runtime.db import lock_studies
from tests.services.dlt_monitor.station import Station, wait_for
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, garbage, message, publish

DAY_10 = DAY_1 + timedelta(days=9)
_studies = count(1)


def _eventful(trial: Trial) -> list[Fact]:
    """A cohort with a grade 4 that is corrected, one that stands, and two closed windows."""
    return [
        trial.protocol(),
        *trial.cohort(),
        trial.platelets("1-01", DAY_10, "18"),
        trial.platelets("1-01", DAY_10, "81", revision=2, known=at(DAY_10, 20)),
        trial.platelets("1-02", DAY_10, "21"),
        trial.platelets("1-03", DAY_10, "44"),
        trial.complete("1-01"),
        trial.complete("1-03"),
    ]


def test_a_grade_four_becomes_a_candidate_and_goes_out(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    station.clock.set(at(DAY_10))
    station.feed([trial.platelets("1-02", DAY_10, "21")])

    statuses = {one.subject: one.status for one in station.assessment().subjects}
    assert statuses == {"1-01": "in_window", "1-02": "dlt_candidate", "1-03": "in_window"}
    candidate = next(one for one in station.signals() if one.type is SignalType.DLT_CANDIDATE)
    assert candidate.subject == "1-02"
    assert candidate.key in station.standing()
    sent = [one.id for one in station.published(SIGNALS.name)]
    assert sent == [signal.id for signal in station.signals()]
    assert {one.key for one in station.published(ASSESSMENTS.name)} == {STUDY}


def test_grades_are_published_once_each(station: Station, trial: Trial) -> None:
    facts = [trial.protocol(), *trial.treated("1-01"), trial.platelets("1-01", DAY_10, "44")]
    station.feed(facts)
    sent = station.published(GRADED.name)
    assert sum(b'"grade_low":3' in one.value for one in sent) == 1
    station.feed([trial.protocol(known=at(DAY_10), revision=2)])
    assert station.published(GRADED.name) == sent


def test_a_correction_withdraws_the_candidate(station: Station, trial: Trial) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()], [trial.platelets("1-02", DAY_10, "21")])
    raised = next(one for one in station.signals() if one.type is SignalType.DLT_CANDIDATE)

    station.feed([trial.platelets("1-02", DAY_10, "81", revision=2)])

    withdrawn = next(one for one in station.signals() if one.type is SignalType.DLT_WITHDRAWN)
    assert withdrawn.supersedes == raised.id
    assert raised.key not in station.standing()
    assert {one.status for one in station.assessment().subjects} == {"in_window"}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_order_duplicates_and_chunks_change_nothing(engine: Engine, data: st.DataObject) -> None:
    trial = Trial(f"PROPERTY-{next(_studies)}")
    facts = _eventful(trial)
    shuffled = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts)))))
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=len(shuffled)))
    end = at(DAY_1 + timedelta(days=40))
    station = Station(engine, ManualClock(end))

    for portion in _chunks(shuffled, sizes):
        _apply(station, portion)

    expected = evaluate(facts, as_of=end, known_at=end)
    assert station.assessment(trial.study).digest == expected.digest
    wanted = {signal.key for signal in standing_signals(expected)}
    assert station.standing(trial.study) == wanted
    station.close()


def _chunks(facts: Sequence[Fact], sizes: Sequence[int]) -> list[Sequence[Fact]]:
    portions = []
    start = 0
    for size in sizes:
        portions.append(facts[start : start + size])
        start += size
    return [portion for portion in portions if portion]


def _apply(station: Station, facts: Sequence[Fact]) -> None:
    """Hand facts to the monitor as a worker does, without the bus between."""
    with station.engine.begin() as conn:
        lock_studies(conn, {fact.study for fact in facts}, space=LOCK_SPACE)
        station.monitor.on_facts(conn, [message(fact) for fact in facts])


def test_two_processes_take_turns_on_one_study(engine: Engine, trial: Trial) -> None:
    clock = ManualClock(at(DAY_1 + timedelta(days=40)))
    one, other = Station(engine, clock), Station(engine, clock)
    facts = _eventful(trial)
    for number, fact in enumerate(facts):
        _apply((one, other)[number % 2], [fact])
    assert one.assessment().digest == evaluate(facts, as_of=clock.now()).digest


def test_facts_of_a_rolled_back_transaction_are_forgotten(engine: Engine, trial: Trial) -> None:
    clock = ManualClock(at(DAY_10))
    one, other = Station(engine, clock), Station(engine, clock)
    base = [trial.protocol(), *trial.cohort()]
    _apply(one, base)
    lost, kept = trial.platelets("1-02", DAY_10, "21"), trial.platelets("1-03", DAY_10, "44")
    with engine.connect() as conn, conn.begin() as transaction:
        lock_studies(conn, [STUDY], space=LOCK_SPACE)
        one.monitor.on_facts(conn, [message(lost)])
        transaction.rollback()
    _apply(other, [kept])  # as many facts as were rolled back: a count could not tell

    more = trial.platelets("1-01", DAY_10, "180")
    _apply(one, [more])
    assert one.assessment().digest == evaluate([*base, kept, more], as_of=clock.now()).digest


def test_a_redelivered_batch_has_no_effect(station: Station, trial: Trial) -> None:
    facts = [trial.protocol(), *trial.cohort()]
    _apply(station, facts)
    before = station.row(), station.signals()
    _apply(station, facts)
    assert (station.row(), station.signals()) == before


def test_every_stored_assessment_can_be_made_again(station: Station, trial: Trial) -> None:
    for fact in _eventful(trial):
        station.clock.set(max(station.clock.now(), fact.known_at))
        station.tick()
        station.feed([fact])
    with station.engine.connect() as conn:
        checked = list(verify(conn))
    assert len(checked) > 10
    assert {one.verdict for one in checked} == {"proved"}


def test_a_fact_that_was_slipped_in_is_found(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()], [trial.platelets("1-02", DAY_10, "44")])
    with station.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE dlt_monitor.fact DISABLE TRIGGER append_only")
        conn.exec_driver_sql(
            "UPDATE dlt_monitor.fact SET value = replace(value, '\"44\"', '\"21\"')"
        )
    station.clock.set(at(DAY_10))
    with station.engine.connect() as conn:
        assert [one.verdict for one in verify(conn, STUDY)] == ["proved", "differs"]


def test_a_document_that_was_altered_is_found(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    with station.engine.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE dlt_monitor.assessment DISABLE TRIGGER append_only")
        conn.exec_driver_sql(
            "UPDATE dlt_monitor.assessment SET document = replace(document, 'wait', 'escalate')"
        )
    with station.engine.connect() as conn:
        assert [one.verdict for one in verify(conn)] == ["altered"]


def test_a_fact_known_after_the_clock_is_not_lost(station: Station, trial: Trial) -> None:
    station.clock.set(at(DAY_10, 8))
    later = trial.platelets("1-02", DAY_10, "21", known=at(DAY_10, 9))
    station.feed([trial.protocol(), *trial.cohort()], [later])
    assert station.assessment().as_of == later.known_at
    assert "dlt_candidate" in {one.status for one in station.assessment().subjects}
    station.feed([trial.platelets("1-01", DAY_10, "150", known=at(DAY_10, 8))])
    assert station.assessment().as_of == later.known_at, "time never runs backwards"


def test_facts_before_the_protocol_are_kept(station: Station, trial: Trial) -> None:
    facts = [*trial.cohort(), trial.platelets("1-02", DAY_1, "21", name="b")]
    station.feed(facts)
    assert station.row().facts == len(facts)
    assert station.row().assessments == 0
    station.feed([trial.protocol()])
    assert len(station.assessment().subjects) == 3
    assert station.published(GRADED.name)


# -- what can't be applied ------------------------------------------------------------------------


def test_garbage_is_parked_and_the_study_degraded(station: Station, trial: Trial) -> None:
    other = Trial("OTHER-1")
    station.feed(
        [trial.protocol(), other.protocol(), *trial.cohort(), garbage(STUDY), *other.cohort()]
    )
    assert station.assessment().degraded
    assert len(station.assessment().subjects) == 3
    assert SignalType.STUDY_DEGRADED in {one.type for one in station.signals()}
    assert not station.assessment("OTHER-1").degraded
    with station.engine.connect() as conn:
        assert [row.reason for row in outbox.parked(conn, GROUP)] == ["not a fact of this contract"]


def test_a_fact_under_another_study_s_key_is_parked(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    foreign = message(Trial("OTHER-1").treated("1-01")[0])
    smuggled = type(foreign)(foreign.topic, STUDY, foreign.id, foreign.value)
    station.feed([smuggled])
    assert station.assessment().degraded
    assert station.row().facts == 1 + 3 * 5


def test_a_bad_protocol_is_parked_and_the_last_good_one_stays(
    station: Station, trial: Trial
) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    station.clock.set(at(DAY_10))
    station.feed([trial.bad_protocol(at(DAY_10)), trial.platelets("1-02", DAY_10, "21")])
    assert station.assessment().protocol_version == "1"
    assert station.assessment().degraded
    assert "dlt_candidate" in {one.status for one in station.assessment().subjects}
    with station.engine.connect() as conn:
        (row,) = outbox.parked(conn, GROUP)
    assert row.reason.startswith("protocol document refused: line ")


def test_replaying_a_parked_message_ends_the_degradation(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    station.clock.set(at(DAY_10))
    # As a version before this one would have left it, that could not read the fact.
    left = message(trial.platelets("1-02", DAY_10, "21"))
    with station.engine.begin() as conn:
        lock_studies(conn, [STUDY], space=LOCK_SPACE)
        number = outbox.park(conn, GROUP, left, reason="?", error_class="?", at=at(DAY_10))
        station.monitor.on_parked(conn, left, "?")
    assert station.assessment().degraded

    assert station.worker.replay_parked([number]) == [number]

    assert not station.assessment().degraded
    assert "dlt_candidate" in {one.status for one in station.assessment().subjects}
    stands = {one.type for one in station.signals() if one.key in station.standing()}
    assert SignalType.STUDY_DEGRADED not in stands


def test_garbage_before_any_fact_marks_the_study(station: Station, trial: Trial) -> None:
    station.feed([garbage(STUDY)])
    with station.engine.connect() as conn:
        assert studies.degraded_now(conn, [STUDY])[STUDY]
    station.feed([trial.protocol(), *trial.cohort()])
    assert station.assessment().degraded


# -- time -----------------------------------------------------------------------------------------


def test_windows_close_without_an_event(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    complete = [trial.complete(f"1-0{n}", known=at(DAY_1 + timedelta(days=20))) for n in (1, 2, 3)]
    station.feed(complete)
    deadline = station.row().next_deadline
    assert deadline is not None
    station.clock.set(deadline - timedelta(microseconds=1))
    assert station.tick() == 0
    station.clock.set(at(DAY_1 + timedelta(days=21)))
    assert station.tick() >= 1
    assert station.tick() == 0
    assert station.assessments()[-1].as_of < station.clock.now(), "assessed at the deadline itself"
    assert {one.status for one in station.assessment().subjects} == {"completed"}
    assert station.assessment().recommendation.action == "escalate"
    said = [one for one in station.signals() if one.type is SignalType.RECOMMENDATION_CHANGED]
    assert said[-1].key in station.standing()
    closed = [one for one in station.signals() if one.type is SignalType.WINDOW_CLOSED]
    assert {one.at.date() for one in closed} == {deadline.date()}
    assert len(closed) == 3
    assert said[-1].assessment_digest in {one.digest for one in station.assessments()}


def test_a_deadline_is_assessed_before_facts_known_after_it(station: Station, trial: Trial) -> None:
    later = DAY_1 + timedelta(days=3)
    station.feed([trial.protocol(), *trial.treated("1-01"), *trial.treated("1-02", later)])
    deadline = station.row().next_deadline
    assert deadline is not None
    station.clock.set(deadline + timedelta(days=4))
    now = station.clock.now()
    station.feed([trial.platelets("1-01", now.date(), "170", known=now)])
    times = [one.as_of for one in station.assessments()]
    assert times[1] == deadline
    assert deadline + timedelta(days=3) in times
    assert times[-1] == now
    assert times == sorted(set(times))
    assert {one.as_of.utcoffset() for one in station.assessments()} == {timedelta(0)}


def test_only_one_of_two_tickers_assesses_a_deadline(engine: Engine, trial: Trial) -> None:
    clock = ManualClock(at(DAY_1))
    one, other = Station(engine, clock), Station(engine, clock)
    _apply(one, [trial.protocol(), *trial.cohort()])
    clock.set(at(DAY_1 + timedelta(days=60)))
    made = one.tick()
    assert made >= 1
    assert other.tick() == 0
    assert one.row().assessments == 1 + made


# -- the record -----------------------------------------------------------------------------------


def test_the_record_is_append_only(station: Station, trial: Trial) -> None:
    station.feed(_eventful(trial))
    for table in ("fact", "assessment", "graded_result", "signal", "answer"):
        for act in ("UPDATE {} SET study = 'X'", "DELETE FROM {}", "TRUNCATE {}"):
            with station.engine.connect() as conn, pytest.raises(IntegrityError, match="only"):
                conn.execute(sa.text(act.format(f"dlt_monitor.{table}")))


def test_a_new_engine_assesses_every_study_anew(station: Station, trial: Trial) -> None:
    station.feed([trial.protocol(), *trial.cohort()])
    with station.engine.begin() as conn:
        conn.exec_driver_sql(
            "UPDATE dlt_monitor.study SET summary = jsonb_set(summary::jsonb, '{engine}', '\"0\"')"
        )
    assert station.tick() == 1
    assert station.tick() == 0
    assert len(station.assessments()) == 2


def test_a_study_that_cannot_be_assessed_does_not_stop_the_others(
    station: Station, trial: Trial
) -> None:
    other = Trial("OTHER-1")
    station.feed([trial.protocol(), *trial.cohort(), other.protocol(), *other.cohort()])
    with station.engine.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO dlt_monitor.fact SELECT study, facts + 1, 'x', 'lab', now(), '?'"
            f" FROM dlt_monitor.study WHERE study = '{STUDY}'"
        )
        conn.exec_driver_sql(
            "UPDATE dlt_monitor.study SET facts = facts + 1, facts_token = gen_random_uuid()"
            f" WHERE study = '{STUDY}'"
        )
    station.clock.set(at(DAY_1 + timedelta(days=21)))
    assert station.tick() >= 1
    assert station.row("OTHER-1").assessments > 1
    assert station.row().assessments == 1
    with station.engine.connect() as conn:
        assert set(studies.degraded_now(conn, [STUDY, "OTHER-1"])) == {STUDY}


def test_a_jump_of_a_clock_file_is_noticed(station: Station, trial: Trial, tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    clock.set(at(DAY_1))
    station.feed([trial.protocol(), *trial.cohort()])
    ticker = Ticker(station.monitor, station.engine, clock)
    ticker.start()
    clock.set(at(DAY_1 + timedelta(days=21)))
    wait_for(lambda: station.row().assessments > 1)
    wait_for(ticker.ready)
    assert ticker.stop()
    assert not ticker.ready()


def test_a_study_is_monitored_beside_another(station: Station) -> None:
    one, other = Trial("ONE-1"), Trial("OTHER-1")
    publish(station.engine, station.bus, [one.protocol(), other.protocol(), *one.cohort()])
    station.feed(other.treated("9-01"))
    assert len(station.assessment("ONE-1").subjects) == 3
    assert [subject.subject for subject in station.assessment("OTHER-1").subjects] == ["9-01"]
