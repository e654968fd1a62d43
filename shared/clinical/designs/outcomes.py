"""Outcomes in one legible line: ``1NNN 2NNT`` is a cohort of three at dose 1, then one at dose 2.

N: no DLT; T: a DLT; P: pending; C: pending, with a candidate DLT. After the notation of the R
package escalation (Brock K, arXiv 2402.15460), which has N and T.
"""

from __future__ import annotations

import re

from shared.clinical.designs.addition import in_turn
from shared.clinical.designs.model import DoseCounts, Patient

_COHORT = re.compile(r"([1-9]\d*)([NTPC]+)")


def _cohorts(text: str) -> list[tuple[int, str]]:
    found = []
    for word in text.upper().split():
        match = _COHORT.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is no cohort: a dose number, then letters N, T, P or C")
        found.append((int(match[1]), match[2]))
    return found


def counts_of(text: str, num_doses: int | None = None) -> tuple[DoseCounts, ...]:
    """Counts per dose; without ``num_doses``, up to the highest dose named.

    >>> counts_of("1NNN 2NTP", num_doses=3)[1]
    DoseCounts(n=2, dlt=1, pending=1, candidate=0, stft=None, responses=None)
    """
    cohorts = _cohorts(text)
    top = max((dose for dose, _ in cohorts), default=1)
    if num_doses is not None and top > num_doses:
        raise ValueError(f"dose {top} is named, but there are {num_doses} doses")
    letters = [""] * (num_doses or top)
    for dose, outcomes in cohorts:
        letters[dose - 1] += outcomes
    return tuple(_count(outcomes) for outcomes in letters)


def _count(outcomes: str) -> DoseCounts:
    dlt, candidate = outcomes.count("T"), outcomes.count("C")
    return DoseCounts(outcomes.count("N") + dlt, dlt, outcomes.count("P") + candidate, candidate)


def patients_of(text: str) -> tuple[Patient, ...]:
    """The patients in their order; nothing is known of how long the pending were observed.

    >>> [patient.dose for patient in patients_of("1NN 2T")]
    [1, 1, 2]
    """
    return tuple(
        Patient(dose, int(letter == "T"), 0.0 if letter in "PC" else 1.0, letter in "PC")
        for dose, outcomes in _cohorts(text)
        for letter in outcomes
    )


def counts_of_patients(patients: tuple[Patient, ...], num_doses: int) -> tuple[DoseCounts, ...]:
    """Counts per dose of single patients; the weights of the pending add up to ``stft``."""
    doses = []
    for dose in range(1, num_doses + 1):
        there = [patient for patient in patients if patient.dose == dose]
        pending = [patient.weight for patient in there if patient.pending]
        dlt = sum(patient.dlt for patient in there)
        stft = min(in_turn(pending), len(pending)) if pending else None
        doses.append(DoseCounts(len(there) - len(pending), dlt, len(pending), stft=stft))
    return tuple(doses)
