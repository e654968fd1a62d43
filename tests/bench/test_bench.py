"""The benchmarks run, count what they should, and compare like with like; on tiny sizes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import console, evaluation, latency, notifier, profile, throughput
from bench.large_study import records
from bench.load import BATCH, chunks, singles, visits
from bench.systems import Ground
from services.demo import STUDY
from shared.runtime.scratch import temporary_folder
from tests.kafka_support import require_own_kafka


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own temporary folder: as root, the server's unprivileged user cannot enter it.
    with temporary_folder("vigil-bench-test-") as found:
        yield found


def test_a_load_is_the_demo_under_another_name() -> None:
    found = chunks("OTHER-1")
    assert [one.events for one in found[:-1]] == [BATCH] * (len(found) - 1)
    assert sum(one.events for one in found) == sum(one.body.count(b"\n") for one in found)
    assert STUDY.encode() not in b"".join(one.body for one in found)
    assert [one.known for one in found] == sorted(one.known for one in found)


def test_live_events_do_not_say_when_they_were_known() -> None:
    lines = chunks("OTHER-1", limit=20, live=True)[0].body.splitlines()
    assert all("knowntime" not in json.loads(line) for line in lines)


@pytest.mark.parametrize("load", [singles, visits])
def test_every_alert_has_a_subject_of_its_own(load: latency.Load) -> None:
    found = load("OTHER-1", 5, 4, chunks("OTHER-1", limit=1)[0].known)
    raising = [one.alerts for one in found if one.alerts]
    assert len(found) == 20
    assert len(set(raising)) == len(raising) == 5


def test_a_visit_is_one_sample_and_comes_after_the_one_before() -> None:
    found = visits("OTHER-1", 5, 4, chunks("OTHER-1", limit=1)[0].known)
    samples = [[json.loads(line) for line in one.body.splitlines()] for one in found]
    taken = [{one["data"]["LBDTC"] for one in sample} for sample in samples]
    assert all(len(moments) == 1 for moments in taken)
    assert taken == sorted(taken, key=min)
    last = [sample[-1]["data"] for sample in samples]
    assert all(one["LBTESTCD"] == "PLAT" for one in last)
    assert [one["LBORRES"] == "18" for one in last] == [one.alerts is not None for one in found]


@pytest.mark.slow
def test_both_systems_apply_every_event_embedded(folder: Path) -> None:
    size = throughput.Size(studies=2, rounds=1, events=60)
    with Ground(folder, kafka=False) as ground:
        found = throughput.measure(ground, "embedded", size)
    _is_sound(found, 120)


@pytest.mark.kafka
@pytest.mark.slow
def test_both_systems_apply_every_event_over_kafka(folder: Path) -> None:
    require_own_kafka()
    size = throughput.Size(studies=2, rounds=1, events=60)
    with Ground(folder, kafka=True) as ground:
        found = throughput.measure(ground, "kafka", size)
    _is_sound(found, 120)


def _is_sound(found: throughput.Result, events: int) -> None:
    assert found.events == events
    for run in (found.bare, found.vigil):
        assert len(run.rates) == 1
        assert 0 < run.rates[0] <= run.taken[0] * 1.5
    assert found.ratio == found.vigil.rates[0] / found.bare.rates[0]


def test_a_replay_is_measured_against_reading_alone(folder: Path) -> None:
    with Ground(folder, kafka=False) as ground:
        found = evaluation.measure(ground, evaluation.Size(subjects=3, facts=300, results=2))
    assert found.facts == 300
    assert found.ratio > 1
    assert len(found.core) == len(found.committed) == 2


def test_the_large_study_is_the_same_for_a_seed() -> None:
    small = records(6, 1_200, seed=7)
    assert small == records(6, 1_200, seed=7)
    assert len(small) == 1_200
    assert len({one["subject"] for one in small if one["type"] == "vigil.subject.v1"}) == 6


@pytest.mark.slow
@pytest.mark.parametrize(("load", "events"), [(singles, 12), (visits, 12 * 7)])
def test_each_alert_is_waited_for(folder: Path, load: latency.Load, events: int) -> None:
    size = latency.Size(studies=2, history=30, alerts=2, every=3)
    with Ground(folder, kafka=False) as ground:
        found = latency.measure(ground, "embedded", size, load)
    assert found.events == events
    for way in (found.bare, found.vigil):
        assert len(way.seen.milliseconds) == len(way.told.milliseconds) == 4
        assert min(way.seen.milliseconds + way.told.milliseconds) > 0


def test_the_profile_names_our_own_functions_by_their_share(folder: Path) -> None:
    with Ground(folder, kafka=False) as ground:
        found = profile.measure(ground, 1, 60, profiled=True)
    assert found.events == 60
    assert set(found.stages) == set(profile.STAGES)
    top = found.top("assess", 8)
    assert top[0].where == "shared/runtime/worker.py: run_once"
    assert all(0 < one.share <= 1 for one in top)


@pytest.mark.slow
def test_the_notifier_sends_every_signal_and_works_every_ladder(folder: Path) -> None:
    with Ground(folder, kafka=False) as ground:
        found = notifier.measure(ground, notifier.Size(ladders=20, signals=10))
    assert len(found.bare) == len(found.vigil) == 10
    assert all(one > 0 for one in (*found.bare, *found.vigil, found.idle, found.due))


@pytest.mark.slow
def test_every_page_is_read_and_every_result_is_told(folder: Path) -> None:
    with Ground(folder, kafka=False) as ground:
        found = console.measure(ground, console.Size(subjects=6, facts=600, reads=2, results=1))
    assert {name: len(taken) for name, taken in found.pages.items()} == dict.fromkeys(
        found.pages, 2
    )
    assert {"sign-in", "board", "subject", "packet.pdf"} <= found.pages.keys()
    assert len(found.live) == 1
    assert found.shown[0] >= found.live[0]
    assert found.anew.keys() == {"packet.pdf", "charts"}
    assert len(found.meanwhile) == 2
    assert found.opened > 0
    assert all("ms" in line for line in console.lines(found))
