"""What if: the decision for every way the pending could turn out, and for records not yet sent.

Nothing here is a fact and nothing changes the study. A supposed assessment has no digest, so that
no decision can cite it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from math import prod
from typing import Literal

from shared.clinical.compare import compare
from shared.clinical.escalation import PENDING, Escalation
from shared.clinical.protocol import Protocol
from shared.clinical.study import Study
from shared.clinical.subject import SubjectState
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal

MOST_BRANCHES = 512
"""With more outcomes than this only none, one and all of a dose level are worked out."""


@dataclass(frozen=True, slots=True)
class Branch:
    """If ``dlts`` of the pending at each dose level have a DLT and the others none: what the rule
    would say and how each dose would stand."""

    dlts: Mapping[int, int]
    action: str
    dose_level: int | None
    mtd: int | None
    mtd_status: str
    status: str
    doses: Mapping[int, str]
    text: str


@dataclass(frozen=True, slots=True)
class WhatIf:
    """``pending``: subjects by dose level. ``certain``: what every branch agrees on, in words;
    nothing where ``complete`` is false, because some branches were left out."""

    pending: Mapping[int, tuple[str, ...]]
    branches: tuple[Branch, ...]
    complete: bool
    certain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Supposed:
    """The study before and after records were supposed, and the signals they would raise."""

    before: Assessment
    after: Assessment
    signals: tuple[Signal, ...]


def what_if(
    study: Study,
    *,
    as_of: datetime,
    known_at: datetime | None = None,
    degraded: bool = False,
    most: int = MOST_BRANCHES,
) -> WhatIf:
    """Every outcome of those pending, DLT or none; who is not evaluable after all is replaced and
    leaves the others as they are. Raises ValueError where no protocol was known."""
    known = as_of if known_at is None else known_at
    protocol = study.protocol_at(known)
    if protocol is None:
        raise ValueError(f"no protocol of {study.study} was known at {known.isoformat()}")
    states = study.states(protocol, as_of, known)
    pending = _pending(protocol, states)
    outcomes, complete = _outcomes({level: len(there) for level, there in pending.items()}, most)

    become = _Becoming(as_of)

    def branch(dlts: Mapping[int, int]) -> Branch:
        passed = [states, _settled(states, pending, dlts, "dlt_candidate", become)]
        final = _settled(states, pending, dlts, "dlt", become)
        found = study.escalation(protocol, final, as_of, known, degraded, passed)
        return _branch(protocol, dlts, found)

    branches = tuple(branch(dlts) for dlts in outcomes)
    names = {
        level: tuple(sorted(one.assessment.subject for one in there))
        for level, there in pending.items()
    }
    certain = tuple(_certain(protocol, names, branches)) if complete and pending else ()
    return WhatIf(names, branches, complete, certain)


def suppose(
    study: Study,
    facts: Iterable[Fact],
    *,
    as_of: datetime,
    degraded: bool = False,
) -> Supposed:
    """What records would change if they arrived now: added, confirmed, rejected or corrected.

    Raises as `Study.add` does for a record outside the contract.
    """
    before = study.assess(as_of=as_of, degraded=degraded)
    after = study.supposing(facts).assess(as_of=as_of, degraded=degraded)
    standing = compare((), before, lambda _: 0)
    bare = after.model_copy(update={"digest": ""})
    return Supposed(before, bare, compare(standing, bare, lambda _: 1))


def _pending(protocol: Protocol, states: Sequence[SubjectState]) -> dict[int, list[SubjectState]]:
    """Who is pending at each dose level: candidates first, then those last treated, since a DLT
    in them weighs most where the order counts."""
    found: dict[int, list[SubjectState]] = {}
    for state in states:
        subject = state.assessment
        counted = subject.status in PENDING and subject.part in protocol.counted_parts
        if counted and subject.dose_level is not None and protocol.has(subject.dose_level):
            found.setdefault(subject.dose_level, []).append(state)
    for there in found.values():
        there.sort(key=_latest_first)
    return dict(sorted(found.items()))


def _latest_first(state: SubjectState) -> tuple[bool, int, str]:
    subject = state.assessment
    first = subject.window.first.toordinal() if subject.window else 0
    return subject.status != "dlt_candidate", -first, subject.usubjid


def _outcomes(pending: Mapping[int, int], most: int) -> tuple[list[dict[int, int]], bool]:
    """How many of the pending at each level have a DLT, fewest first; where every combination
    would be too many, none, one and all at each level."""
    complete = prod(number + 1 for number in pending.values()) <= most
    choices = [
        range(number + 1) if complete else sorted({0, 1, number}) for number in pending.values()
    ]
    found = sorted(product(*choices), key=lambda one: (sum(one), one))
    return [dict(zip(pending, one, strict=True)) for one in found], complete


def _settled(
    states: Sequence[SubjectState],
    pending: Mapping[int, Sequence[SubjectState]],
    dlts: Mapping[int, int],
    toxic: Literal["dlt", "dlt_candidate"],
    become: _Becoming,
) -> list[SubjectState]:
    """The subjects once the outcomes are known; while the DLTs are candidates the others pend."""
    becomes: dict[str, str] = {}
    for level, there in pending.items():
        for number, one in enumerate(there):
            if number < dlts[level]:
                becomes[one.assessment.usubjid] = toxic
            elif toxic == "dlt":
                becomes[one.assessment.usubjid] = "completed"
    return [become(state, becomes.get(state.assessment.usubjid)) for state in states]


class _Becoming:
    """The subjects as they would be, each made once for all branches."""

    def __init__(self, as_of: datetime) -> None:
        self._as_of = as_of
        self._made: dict[tuple[str, str], SubjectState] = {}

    def __call__(self, state: SubjectState, status: str | None) -> SubjectState:
        if status is None:
            return state
        key = state.assessment.usubjid, status
        if key not in self._made:
            flags = tuple(flag for flag in state.assessment.flags if flag != "conflict")
            settled = state.assessment.model_copy(update={"status": status, "flags": flags})
            self._made[key] = replace(state, assessment=settled, since=self._as_of)
        return self._made[key]


def _branch(protocol: Protocol, dlts: Mapping[int, int], found: Escalation) -> Branch:
    said = found.recommendation
    outcome = ", ".join(
        f"{number} DLT{'' if number == 1 else 's'} at {protocol.label(at)}"
        for at, number in dlts.items()
    )
    return Branch(
        dlts=dict(dlts),
        action=said.action,
        dose_level=said.dose_level,
        mtd=said.mtd,
        mtd_status=said.mtd_status,
        status=found.status,
        doses={dose.level: dose.state for dose in found.doses},
        text=f"{outcome or 'nobody is pending'}: {said.action}{_at(protocol, said.dose_level)}",
    )


def _at(protocol: Protocol, level: int | None) -> str:
    return "" if level is None else f" at {protocol.label(level)}"


def _certain(
    protocol: Protocol, names: Mapping[int, tuple[str, ...]], branches: Sequence[Branch]
) -> Iterator[str]:
    """What every branch agrees on."""
    first, everyone = branches[0], ", ".join(name for there in names.values() for name in there)
    for level in first.doses:
        if all(branch.doses[level] == "exceeded" for branch in branches):
            who = ", ".join(names.get(level, ())) or everyone
            yield f"whatever happens to {who}, {protocol.label(level)} is exceeded"
    if len({(one.action, one.dose_level) for one in branches}) == 1:
        says = f"{first.action}{_at(protocol, first.dose_level)}"
        yield f"whatever happens to {everyone}, the rule says {says}"
    if first.mtd is not None and len({(one.mtd, one.mtd_status) for one in branches}) == 1:
        yield f"whatever happens to {everyone}, the MTD is {protocol.label(first.mtd)}"
