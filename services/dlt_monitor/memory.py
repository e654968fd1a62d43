"""A study's facts in memory, and the proof that they are the stored ones.

Folding all facts anew for every batch would cost more than everything else. What is held is used
only under the token that the database holds too; a transaction that was rolled back leaves a token
here that the database never saw, so that its facts can't leak into an assessment.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection

from services.dlt_monitor.said import Said
from services.dlt_monitor.store import studies
from services.dlt_monitor.store.grades import Panels, Told
from services.dlt_monitor.store.studies import StudyRow
from shared.clinical import Study
from shared.contracts.envelope import Fact, read_fact
from shared.runtime.heap import adding_what_lasts, let_go

_ANEW = sa.text("SET LOCAL idle_in_transaction_session_timeout = '15min'")
"""A large study read anew is worked out in one go: on a busy machine for longer than a transaction
may otherwise be idle, and would be begun again for ever."""

MOST_STUDIES = 32
"""Studies held at a time; the one not used for longest is read anew when it is needed."""

_PORTION = 5_000


@dataclass(slots=True)
class HeldStudy:
    """The folded facts of a study. ``token`` is the stored row's when they were complete;
    ``subjects`` tells whom each fact is about, by fact id; ``told`` what was last published of a
    subject's grades, by result, for the subjects that were looked up, and ``shown`` the panels of
    results it was published from. ``said`` is what stands of what was said, if it was asked for,
    and ``last_said`` the stored row's when it was complete."""

    study: Study
    subjects: dict[str, str] = field(default_factory=dict)
    token: UUID | None = None
    told: dict[str, Told] = field(default_factory=dict)
    shown: dict[str, Panels] = field(default_factory=dict)
    said: Said | None = None
    last_said: tuple[UUID | None, int] | None = None

    def add(self, facts: Sequence[Fact]) -> None:
        """Fold in more facts. Raises DocumentError or ValueError as `Study.add` does."""
        self.study.add(facts)
        self.subjects.update((fact.fact_id, fact.subject) for fact in facts)
        self.token = uuid4()

    def what_was_said(self, conn: Connection) -> Said:
        """What stands of it by the database, in the caller's transaction."""
        if self.said is None:
            self.said = Said(conn, self.study.study)
        return self.said


class Memory:
    """The studies of one process's writers: worker and ticker take turns under the study lock."""

    def __init__(self, most: int = MOST_STUDIES) -> None:
        self._most = most
        self._held: OrderedDict[str, HeldStudy] = OrderedDict()
        self._read: set[str] = set()

    def take(self, conn: Connection, row: StudyRow) -> HeldStudy:
        """The study's facts as stored; taken out, so that an error on the way forgets them."""
        held = self._held.pop(row.study, None)
        if held is None or held.token != row.facts_token:
            conn.execute(_ANEW)
            if row.study in self._read:  # and forgotten since, or no longer what is stored
                let_go()
            self._read.add(row.study)
            held = HeldStudy(Study(row.study))
            with adding_what_lasts():
                for facts in stored_facts(conn, row.study, after=0, through=row.facts):
                    held.add(facts)
            held.token = row.facts_token
        if held.last_said != row.last_said:
            held.said, held.last_said = None, row.last_said
        return held

    def put_back(self, study: str, held: HeldStudy) -> None:
        """Keep for next time what was taken, with the facts that were stored since."""
        self._held[study] = held
        while len(self._held) > self._most:
            self._held.popitem(last=False)
            let_go()


def stored_facts(conn: Connection, study: str, *, after: int, through: int) -> Iterator[list[Fact]]:
    """The stored facts number `after` + 1 to `through`, in portions that fit in memory."""
    for start in range(after, through, _PORTION):
        end = min(start + _PORTION, through)
        yield [read_fact(text) for text in studies.facts(conn, study, after=start, through=end)]
