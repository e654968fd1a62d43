"""``python -m bench [--quick] [--only PART]``: measure, and say it."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from bench import (
    console,
    designs,
    evaluation,
    grading,
    large_study,
    latency,
    notifier,
    profile,
    throughput,
)
from bench.load import singles
from bench.machine import machine
from bench.systems import Ground
from deploy.kafka.broker import why_unavailable

PARTS = (
    *("embedded", "kafka", "latency", "profile", "evaluation", "notifier", "console"),
    *("grading", "designs"),
)
AIMS = {"embedded": 10_000, "kafka": 5_000}
RATIO = 0.5
TOP = 12

THROUGHPUT = throughput.Size(studies=8, rounds=3)
QUICK_THROUGHPUT = throughput.Size(studies=2, rounds=1, events=1_000)
LATENCY = latency.Size(studies=1, history=None, alerts=40, every=25)
VISITS = latency.Size(studies=1, history=None, alerts=40, every=4)
EVALUATION = evaluation.Size(large_study.SUBJECTS, large_study.FACTS, results=40)
QUICK_EVALUATION = evaluation.Size(subjects=6, facts=3_000, results=5)
NOTIFIER = notifier.Size(ladders=10_000, signals=500)
QUICK_NOTIFIER = notifier.Size(ladders=500, signals=50)
CONSOLE = console.Size(large_study.SUBJECTS, large_study.FACTS, reads=10, results=10)
QUICK_CONSOLE = console.Size(subjects=6, facts=3_000, reads=5, results=3)
QUICK_LATENCY = latency.Size(studies=1, history=500, alerts=10)
QUICK_VISITS = latency.Size(studies=1, history=500, alerts=10, every=2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the parts asked for, each on a ground of its own."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be repeated")
    given = parser.parse_args(arguments)
    parts = given.only or PARTS
    print(machine())
    if "embedded" in parts:
        _on_ground(False, lambda ground: _throughput(ground, "embedded", given.quick))
    if "kafka" in parts and _has_kafka():
        _on_ground(True, lambda ground: _throughput(ground, "kafka", given.quick))
    if "latency" in parts:
        for kafka in (False, True) if _has_kafka() else (False,):
            for name in latency.LOADS:
                _on_ground(kafka, partial(_latency, kafka=kafka, name=name, quick=given.quick))
    for name, run in (
        ("profile", _profile),
        ("evaluation", _evaluation),
        ("notifier", _notifier),
        ("console", _console),
    ):
        if name in parts:
            _on_ground(False, partial(run, quick=given.quick))
    for name, part in (("grading", grading), ("designs", designs)):
        if name in parts:
            print(f"\n{name}, small sizes (all: python -m bench.{name}):")
            part.show(quick=True)


def _on_ground(kafka: bool, part: Callable[[Ground], None]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="vigil-bench-"))
    folder.chmod(0o711)  # or root's cluster would be placed elsewhere and stay there
    try:
        with Ground(folder, kafka) as ground:
            part(ground)
    except BaseException:
        print(f"What the processes said is in {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _throughput(ground: Ground, carrier: str, quick: bool) -> None:
    size = QUICK_THROUGHPUT if quick else THROUGHPUT
    found = throughput.measure(ground, carrier, size)
    print(f"\n{carrier}: {found.events} events of {size.studies} studies, {size.rounds} rounds")
    for name, run in (("bare", found.bare), ("vigil", found.vigil)):
        print(
            f"  {name:6}{_spread(run.rates)} events/s; at the door {_spread(run.taken)};"
            f" own CPU {median(run.cpu):.0f} µs an event"
        )
    low, high = min(found.ratios), max(found.ratios)
    print(f"  ratio {found.ratio:.3f} [{low:.3f} to {high:.3f}], aim {RATIO}")
    print(f"  aim {AIMS[carrier]} events/s: {median(found.vigil.rates) / AIMS[carrier]:.0%}")


def _latency(ground: Ground, *, kafka: bool, name: str, quick: bool) -> None:
    carrier, load = "kafka" if kafka else "embedded", latency.LOADS[name]
    whole, small = (LATENCY, QUICK_LATENCY) if load is singles else (VISITS, QUICK_VISITS)
    size = small if quick else whole
    found = latency.measure(ground, carrier, size, load)
    print(
        f"\n{carrier}: {found.events} events at {latency.RATE}/s over {size.studies} studies, "
        f"{len(found.vigil.seen.milliseconds)} alerts; {name}"
    )
    for end, bare, vigil in (
        ("alert", found.bare.seen, found.vigil.seen),
        ("webhook", found.bare.told, found.vigil.told),
    ):
        for number in (50, 99):
            ours, theirs = vigil.percentile(number), bare.percentile(number)
            print(
                f"  to the {end:8}p{number} {ours:.0f} ms, bare {theirs:.0f} ms:"
                f" ratio {ours / theirs:.0f}"
            )


def _profile(ground: Ground, quick: bool) -> None:
    studies, events = (1, 500) if quick else (4, None)
    plain = profile.measure(ground, studies, events, profiled=False)
    seen = profile.measure(ground, studies, events, profiled=True)
    print(f"\nprofile: {plain.events} events of {studies} studies, one thread")
    for name, stage in plain.stages.items():
        cpu, wall = stage.cpu / plain.events * 1e6, stage.wall / plain.events * 1e6
        print(f"  {name:7}{cpu:6.0f} µs CPU an event, {wall:6.0f} µs with the database")
        for one in seen.top(name, TOP):
            print(f"    {one.share:4.0%} {one.where}")


def _evaluation(ground: Ground, quick: bool) -> None:
    found = evaluation.measure(ground, QUICK_EVALUATION if quick else EVALUATION)
    print("\nevaluation:")
    for line in evaluation.lines(found):
        print(f"  {line}")


def _console(ground: Ground, quick: bool) -> None:
    found = console.measure(ground, QUICK_CONSOLE if quick else CONSOLE)
    print("\nconsole:")
    for line in console.lines(found):
        print(f"  {line}")


def _notifier(ground: Ground, quick: bool) -> None:
    size = QUICK_NOTIFIER if quick else NOTIFIER
    found = notifier.measure(ground, size)
    print(f"\nnotifier: {size.ladders} open alerts with ladders; {size.signals} signals")
    print(
        f"  a turn, nothing due {found.idle * 1000:.1f} ms, an empty look"
        f" {found.look * 1000:.1f} ms: ratio {found.idle / found.look:.1f}"
    )
    print(
        f"  a turn, all due {found.due:.2f} s, a COPY of as many rows {found.copy:.2f} s:"
        f" ratio {found.due / found.copy:.0f}"
    )
    for name, waits in (("bare", found.bare), ("vigil", found.vigil)):
        p50, p99 = (notifier.percentile(waits, number) for number in (50, 99))
        print(f"  {name:6}to the webhook: p50 {p50:.0f} ms, p99 {p99:.0f} ms")


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.0f} [{min(values):.0f} to {max(values):.0f}]"


def _has_kafka() -> bool:
    lacking = why_unavailable()
    if lacking is not None:
        print(f"\nkafka: left out ({lacking})")
    return lacking is None


if __name__ == "__main__":
    main()
