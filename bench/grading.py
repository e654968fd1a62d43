"""What grading costs: a million laboratory results through `vigil grade`, and one `grade()`.

``python -m bench.grading [--quick]``. The table is compared with reading and writing the same CSV
by the standard library alone, taking turns with it; one grade with a hand-written ``if`` chain that
knows one term in one context and compares floats. Ratios are of CPU time, which other work on the
machine disturbs least.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median

from shared.clinical.ctcae import Measurement, grade

ROWS, ROUNDS = 1_000_000, 3
QUICK_ROWS, QUICK_ROUNDS = 20_000, 1
SITES, VISITS = 12, 12
AIM_ROWS, AIM_MEGABYTES, AIM_MICROSECONDS = 100_000, 300, 10
CALLS_AT_ONCE = 1_000

HEADER = (
    "STUDYID", "USUBJID", "VISITNUM", "LBTESTCD", "LBORRES", "LBORRESU", "LBORNRLO", "LBORNRHI",
    "LBSPEC", "LBFAST", "ABLFL", "BASE", "BNRIND",
)  # fmt: skip

ASSAYS: tuple[tuple[str, str, float, float, int], ...] = (
    ("ALT", "U/L", 7, 45, 0),
    ("AST", "U/L", 8, 40, 0),
    ("ALP", "U/L", 40, 130, 0),
    ("BILI", "mg/dL", 0.2, 1.2, 1),
    ("GGT", "U/L", 8, 61, 0),
    ("CREAT", "mg/dL", 0.6, 1.2, 2),
    ("PLAT", "10^9/L", 150, 400, 0),
    ("NEUT", "10^9/L", 1.8, 7.5, 2),
    ("WBC", "10^9/L", 4, 11, 2),
    ("LYM", "10^9/L", 1, 4.8, 2),
    ("HGB", "g/dL", 12, 16, 1),
    ("SODIUM", "mmol/L", 135, 145, 0),
    ("K", "mmol/L", 3.5, 5.1, 1),
    ("CA", "mg/dL", 8.5, 10.5, 1),
    ("MG", "mmol/L", 0.7, 1.05, 2),
    ("PHOS", "mg/dL", 2.5, 4.5, 1),
    ("ALB", "g/dL", 3.5, 5, 1),
    ("GLUC", "mmol/L", 3.9, 5.6, 1),
    ("LIPASE", "U/L", 13, 60, 0),
    ("URATE", "mg/dL", 3.5, 7.2, 1),
)
"""Test, unit, limits of normal at the first site, and decimals reported."""


def write_table(path: Path, rows: int, *, shuffled: bool = False, seed: int = 1) -> None:
    """A study's LB as submitted: by subject, test and visit; or in no order at all."""
    lines: Iterable[tuple[str, ...]] = _lines(rows, Random(seed))
    if shuffled:
        lines = list(lines)
        Random(seed).shuffle(lines)
    with path.open("w", newline="") as target:
        csv.writer(target, lineterminator="\n").writerows([HEADER])
        csv.writer(target, lineterminator="\n").writerows(lines)


def _lines(rows: int, random: Random) -> Iterator[tuple[str, ...]]:
    for number in range(rows):
        visit, test = number % VISITS, number // VISITS % len(ASSAYS)
        subject = number // VISITS // len(ASSAYS)
        testcd, unit, low, high, places = ASSAYS[test]
        site = subject % SITES
        wider = 1 + site / 100
        lln, uln = f"{low * wider:.{places}f}", f"{high * wider:.{places}f}"
        if visit == 0:
            base = _result(random, low, high, places)
            outside = "NORMAL" if float(lln) <= float(base) <= float(uln) else ""
            indicator = outside or ("LOW" if float(base) < float(lln) else "HIGH")
        result = base if visit == 0 else _result(random, low, high, places)
        yield (
            "BENCH", f"BENCH-{site:02}-{subject:05}", str(visit), testcd,
            _as_reported(result, random), unit, lln, uln, "BLOOD",
            "Y" if testcd == "GLUC" else "", "Y" if visit == 0 else "", base, indicator,
        )  # fmt: skip


def _result(random: Random, low: float, high: float, places: int) -> str:
    """Within the limits of normal, but for one in six, up to a multiple or a fraction of them."""
    value = random.uniform(low, high)
    if random.random() < 1 / 6:
        value *= 2 ** random.gauss(0, 1.5)
    return f"{value:.{places}f}"


def _as_reported(result: str, random: Random) -> str:
    """One in a hundred has a comparator, or is none."""
    odd = random.random()
    return result if odd > 0.01 else f"<{result}" if odd > 0.005 else "NOT DONE"


@dataclass(frozen=True, slots=True)
class Run:
    """A process from start to end: time, CPU time, and the most memory it held."""

    seconds: float
    cpu: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table graded, and read and written by the standard library, a run of each in turn."""

    rows: int
    vigil: list[Run]
    plain: list[Run]

    @property
    def ratio(self) -> float:
        """How many times as long grading takes; the median of the rounds."""
        pairs = zip(self.vigil, self.plain, strict=True)
        return median(one.cpu / other.cpu for one, other in pairs)


_VIGIL = "from services.cli import main; main()"
_PLAIN = """
import csv, sys
with open(sys.argv[1], newline="") as source, open(sys.argv[2], "w", newline="") as target:
    csv.writer(target).writerows(csv.reader(source))
"""


def measure_table(folder: Path, rows: int, rounds: int, *, shuffled: bool = False) -> Table:
    """Grade a table by CTCAE 5.0 in one process each round."""
    source, target = folder / "lb.csv", folder / "out.csv"
    # Written elsewhere: a process begins with the most memory its parent ever held.
    writer = get_context("spawn").Process(
        target=write_table, args=(source, rows), kwargs={"shuffled": shuffled}
    )
    writer.start()
    writer.join()
    vigil, plain = list[Run](), list[Run]()
    for _ in range(rounds):
        plain.append(_run(_PLAIN, str(source), str(target)))
        target.unlink()
        vigil.append(_run(_VIGIL, "grade", str(source), "--ctcae", "5.0", "--out", str(target)))
        target.unlink()
    return Table(rows, vigil, plain)


def _run(program: str, *arguments: str) -> Run:
    started = time.perf_counter()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    command = [sys.executable, "-c", program, *arguments]
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if status:
        raise RuntimeError(f"ended with {os.waitstatus_to_exitcode(status)}: {arguments}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def if_chain(result: str) -> int:
    """Platelets in 10^9/L by CTCAE 5.0 where the lower limit of normal is 150, and nothing else."""
    value = float(result)
    if value < 25:
        return 4
    if value < 50:
        return 3
    if value < 75:
        return 2
    if value < 150:
        return 1
    return 0


def measure_calls(batches: int) -> tuple[float, float]:
    """Microseconds (CPU) of one `grade()` once warm, and of the chain: medians over batches of
    calls, of as many different results."""
    results = [str(number) for number in range(CALLS_AT_ONCE)]
    values = [Measurement("PLAT", result, "10^9/L", "150", "400") for result in results]

    def graded() -> list[int]:
        return [grade(value, ctcae="5.0")[0].low for value in values]

    def chained() -> list[int]:
        return [if_chain(result) for result in results]

    assert graded() == chained()
    return _median_of(graded, batches), _median_of(chained, batches)


def _median_of(calls: Callable[[], object], batches: int) -> float:
    taken = []
    for _ in range(batches):
        started = time.process_time_ns()
        calls()
        taken.append((time.process_time_ns() - started) / CALLS_AT_ONCE / 1000)
    return median(taken)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and say it."""
    parser = argparse.ArgumentParser(prog="bench.grading", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all")
    show(parser.parse_args(arguments).quick)


def show(quick: bool) -> None:
    """A line for each order of the rows, and one for a single call."""
    rows, rounds = (QUICK_ROWS, QUICK_ROUNDS) if quick else (ROWS, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        for order in ("by subject", "in no order"):
            found = measure_table(Path(folder), rows, rounds, shuffled=order != "by subject")
            print(f"  {rows} rows {order}: {_told(found)}")
    own, chain = measure_calls(20 if quick else 200)
    print(f"  one grade(): {own:.2f} µs, aim {AIM_MICROSECONDS}; if chain {chain:.2f} µs;", end=" ")
    print(f"ratio {own / chain:.1f}")


def _told(found: Table) -> str:
    most = max(one.megabytes for one in found.vigil)
    return (
        f"{_rates(found.rows, found.vigil)}, aim {AIM_ROWS}; {most:.0f} MB, aim {AIM_MEGABYTES};"
        f" standard library {_rates(found.rows, found.plain)}; ratio {found.ratio:.2f}"
    )


def _rates(rows: int, runs: Sequence[Run]) -> str:
    by_cpu = [rows / one.cpu for one in runs]
    by_clock = median(rows / one.seconds for one in runs)
    return (
        f"{median(by_cpu):.0f} [{min(by_cpu):.0f} to {max(by_cpu):.0f}] rows a CPU second,"
        f" {by_clock:.0f} a second"
    )


if __name__ == "__main__":
    main()
