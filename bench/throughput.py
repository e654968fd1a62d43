"""Events a second: from the first POST until the last assessment with all facts is committed."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.bare import wait_for
from bench.load import chunks
from bench.sender import Plan, Wave
from bench.systems import ROOT, Bare, Ground, Vigil

POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Size:
    """How much is posted: `events` of the demo (None: all) for each study, in each round."""

    studies: int
    rounds: int
    events: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One system's rounds: events a second, and its own CPU time in microseconds an event."""

    rates: list[float]
    taken: list[float]
    """Events a second at the door alone: until the last POST was answered."""
    cpu: list[float]


@dataclass(frozen=True, slots=True)
class Result:
    """What one carrier gave."""

    carrier: str
    events: int
    bare: Run
    vigil: Run

    @property
    def ratios(self) -> list[float]:
        """Vigil's share of the bare rate, round by round."""
        pairs = zip(self.vigil.rates, self.bare.rates, strict=True)
        return [vigil / bare for vigil, bare in pairs]

    @property
    def ratio(self) -> float:
        """The median of them."""
        return median(self.ratios)


def measure(ground: Ground, carrier: str, size: Size) -> Result:
    """A warm-up and then rounds in which the two systems take turns."""
    with Bare(ground, "bench_bare") as bare, Vigil(ground, "bench_vigil") as vigil:
        systems: tuple[Bare | Vigil, ...] = (bare, vigil)
        runs = {system.name: Run([], [], []) for system in systems}
        events = 0
        for number in range(size.rounds + 1):
            studies = [f"{carrier}-{number}-{place:02d}" for place in range(size.studies)]
            for system in systems:
                events = _round(system, studies, size, runs[system.name])
        for run in runs.values():
            for warm_up in (run.rates, run.taken, run.cpu):
                del warm_up[0]
    return Result(carrier, events, runs["bare"], runs["vigil"])


def _round(system: Bare | Vigil, studies: Sequence[str], size: Size, run: Run) -> int:
    system.prepare(studies)
    before, cpu = system.applied(studies), system.cpu_seconds()
    by_study = {study: chunks(study, limit=size.events) for study in studies}
    events = sum(chunk.events for one in by_study.values() for chunk in one)
    waves = [
        Wave(
            [system.post(study, chunk.body) for study, chunk in zip(studies, wave, strict=True)],
            wave[-1].known,
        )
        for wave in zip(*by_study.values(), strict=True)
    ]
    clock = getattr(system, "clock", None)
    plan = Plan(system.port, waves, clock_file=str(clock.path) if clock else None)
    sender = start_sender(plan)
    wait_for(
        f"{system.name} to apply {events} events",
        lambda: _alive(sender) and system.applied(studies) - before >= events,
        300,
    )
    ended = time.monotonic()
    times = sent(sender)
    first = min(began for began, _ in times)
    run.rates.append(events / (ended - first))
    run.taken.append(events / (max(answered for _, answered in times) - first))
    run.cpu.append((system.cpu_seconds() - cpu) / events * 1e6)
    return events


def start_sender(plan: Plan) -> subprocess.Popen[bytes]:
    """Starts posting."""
    sender = subprocess.Popen(
        [sys.executable, "-m", "bench.sender"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert sender.stdin is not None
    sender.stdin.write(pickle.dumps(plan))
    sender.stdin.close()
    return sender


def _alive(sender: subprocess.Popen[bytes]) -> bool:
    if sender.poll():
        raise RuntimeError("the sender failed; what it said is above")
    return True


def sent(sender: subprocess.Popen[bytes]) -> list[tuple[float, float]]:
    """When each request began and was answered. Raises RuntimeError if the sender failed."""
    assert sender.stdout is not None
    with sender:
        said = sender.stdout.read()
    if sender.returncode != 0:
        raise RuntimeError("the sender failed; what it said is above")
    return [(began, answered) for began, answered in json.loads(said)]
