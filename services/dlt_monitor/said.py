"""What stands of everything said about a study, held in memory between two assessments.

Reading it anew costs more with every signal and query the study ever had. What is held is used only
under the study's lock and while the stored row names it: see `Memory.take`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from services.dlt_monitor.store import outputs, queries
from services.dlt_monitor.store.queries import NewTurn
from shared.contracts.signals import Signal


class Said:
    """The signals that stand, in the order of their numbers, and the queries that do, each with its
    site, by id."""

    def __init__(self, conn: Connection, study: str) -> None:
        self._study = study
        self.signals = outputs.standing_signals(conn, study)
        self.queries = queries.standing_queries(conn, study)
        self._raised: Counter[str] | None = None

    def times_raised(self, conn: Connection, key: str) -> int:
        """How often a signal's key was raised so far; few assessments ask."""
        if self._raised is None:
            self._raised = outputs.times_raised(conn, self._study)
        return self._raised[key]

    def take_in(self, sent: Sequence[Signal], turns: Iterable[NewTurn]) -> None:
        """What was sent since, and what happened to queries since."""
        if sent:
            followed = {one.supersedes for one in sent}
            raised = [one for one in sent if not one.ends]
            self.signals = [one for one in self.signals if one.id not in followed] + raised
            if self._raised is not None:
                self._raised.update(one.key for one in raised)
        for turn in turns:
            if turn.event == "closed":
                del self.queries[turn.query.id]
            else:
                self.queries[turn.query.id] = (turn.query, turn.site)
