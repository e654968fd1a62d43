"""A whole log assessed at once: on a machine with two cores by two processes, each with half of the
subjects.

Whatever does not go well in two, one process does alone: it words the errors, and it sees the
records that stand for subjects of both halves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from services.cli.output import Failure
from shared.clinical import Study
from shared.clinical.gather import Gather, all_are_here
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.facts import STUDY_KINDS
from shared.runtime.twin import Parted, Side, in_two, is_possible

WORTH_IT = 5_000
"""Lines from which on a second process is worth being started."""

Read = Callable[[Sequence[bytes]], Iterable[Fact]]
Assess = Callable[[Study, datetime, datetime], Assessment]
"""The assessment of a study, given when its first and its last fact were known."""

_SUBJECT = re.compile(rb'"subject"\s*:\s*"([^"\\]*)"')


def replayed(study: str, lines: Sequence[bytes], read: Read, assess: Assess) -> Assessment:
    """What ``assess`` makes of the study by the facts that ``read`` makes of the lines. Raises what
    these two raise, and what `Study.add` does."""
    if len(lines) >= WORTH_IT and is_possible():
        with suppress(Parted, Failure, ValueError):
            return replayed_in_two(study, lines, read, assess)
    return _assessed(study, list(read(lines)), assess, all_are_here)


def replayed_in_two(study: str, lines: Sequence[bytes], read: Read, assess: Assess) -> Assessment:
    """The same in two processes. Raises Parted, too."""
    halves = _Halves(study, lines)
    return in_two(lambda side: _in_half(halves, side, read, assess))


class _Halves:
    """The lines by half: of the subjects every other one, and what is about the study twice."""

    def __init__(self, study: str, lines: Sequence[bytes]) -> None:
        self.study = study
        self.lines: tuple[list[bytes], list[bytes]] = ([], [])
        self._half: dict[bytes, int] = {}
        about_study = study.encode()
        for line in lines:
            found = _SUBJECT.search(line)
            subject = found[1] if found else b""
            if subject == about_study:
                for half in self.lines:
                    half.append(line)
            else:
                self.lines[self._half.setdefault(subject, len(self._half) % 2)].append(line)

    def are_wrong(self, half: int, facts: Iterable[Fact]) -> bool:
        """Whether a line was about somebody else than it seemed."""
        seen = {(fact.subject, fact.kind in STUDY_KINDS) for fact in facts}
        return any(
            subject != self.study if of_study else self._half.get(subject.encode()) != half
            for subject, of_study in seen
        )


def _in_half(halves: _Halves, side: Side, read: Read, assess: Assess) -> Assessment:
    facts = list(read(halves.lines[side.number]))
    if not facts or halves.are_wrong(side.number, facts):
        raise Parted("lines")

    def checked(folded: Study, first: datetime, last: datetime) -> Assessment:
        records = side.gather("records", [hash(one) for one in folded.identities()])
        if len(set(records)) < len(records):
            raise Parted("a record stands for two subjects")
        return assess(folded, first, last)

    found = _assessed(halves.study, facts, checked, side.gather)
    if len(set(side.gather("digest", [found.digest]))) > 1:
        raise Parted("digest")
    return found


def _assessed(study: str, facts: Sequence[Fact], assess: Assess, gather: Gather) -> Assessment:
    folded = Study(study, gather)
    folded.add(facts)
    known = [fact.known_at for fact in facts]
    known = gather("known", [min(known), max(known)])
    return assess(folded, min(known), max(known))
