"""Records that stand for two subjects: a later version names another one, and nobody took the first
back.

A record that moves is deleted where it was and stated where it belongs. Where only the second half
is known, what it says of the first subject (that the records are complete, that a value was normal)
may be true of neither: the stop side goes on seeing both, the go side waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.clinical.timeline import Entry, Standing, stand

_Record = tuple[str, str, str, str]
_DOUBT = "the latest version belongs to another subject, and nobody took this one back"


class Misplaced:
    """Remembers under whom each record was stated first, and all versions of those that were stated
    under another subject too."""

    def __init__(self) -> None:
        self._first: dict[_Record, str] = {}
        self._versions: dict[_Record, list[Entry]] = {}

    def copy(self) -> Misplaced:
        """The same knowledge, to add to."""
        other = Misplaced()
        other._first = dict(self._first)
        other._versions = {record: list(found) for record, found in self._versions.items()}
        return other

    def add(self, entry: Entry, known: Iterable[Entry]) -> None:
        """Take in one version; ``known`` are all versions of all records, this one among them."""
        record, subject = entry.fact.record, entry.fact.subject
        if record in self._versions:
            self._versions[record].append(entry)
        elif self._first.setdefault(record, subject) != subject:
            self._versions[record] = [one for one in known if one.fact.record == record]

    def at(self, known_at: datetime) -> list[Standing]:
        """What stood of such records under subjects they no longer belonged to."""
        found = []
        for record in sorted(self._versions):
            known = [one for one in self._versions[record] if one.fact.known_at <= known_at]
            highest = max(known, key=lambda one: (one.fact.version, one.fact.content), default=None)
            for subject in sorted({one.fact.subject for one in known}):
                standing = stand([one for one in known if one.fact.subject == subject], known_at)
                if standing is not None and highest and subject != highest.fact.subject:
                    found.append(Standing(standing.entries, standing.versions, _DOUBT))
        return found
