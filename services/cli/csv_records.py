"""Reads CSV a record at a time from files that people made, and loses no line over a bad one.

A quote that is never closed would swallow the lines after it, and with them results nobody would
miss. So a record that goes on over several lines counts only if it then fits the header; otherwise
its first line alone is bad and the next ones are read anew.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import TextIO

QUOTE = '"'
LONGEST_RECORD = 1000
"""Lines of one record; a quoted comment has fewer."""

Record = tuple[str, list[str] | None]
"""A record as written, without its line end, and its fields; None where it does not fit."""


class Records:
    """The records of a CSV below its header; blank lines are none.

    ``source`` must keep line ends (``newline=""``). Bytes that are not UTF-8 come and go as they
    are if it was opened with ``surrogateescape``.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._ahead: deque[str] = deque()
        first = next(source, "").removeprefix("\ufeff").rstrip("\r\n")
        self.header = _fields([first]) or first.split(",")
        self._width = len(self.header)

    def __iter__(self) -> Iterator[Record]:
        width = self._width
        for line in self._source:
            if QUOTE in line:
                yield from self._from_quoted(line)
            elif text := line.rstrip("\r\n"):
                fields = text.split(",")
                yield text, fields if len(fields) == width else None

    def _from_quoted(self, line: str) -> Iterator[Record]:
        """The record that begins with a line with quotes, and those of lines read ahead for it."""
        self._ahead.append(line)
        while self._ahead:
            line = self._ahead.popleft()
            if QUOTE in line:
                yield self._quoted(line)
            elif text := line.rstrip("\r\n"):
                yield text, self._fitting([line])

    def _quoted(self, line: str) -> Record:
        """The record that begins with a line; lines it turns out not to own are read anew."""
        lines = [line]
        fields = self._fitting(lines)
        while fields is None and self._is_open(lines):
            following = self._ahead.popleft() if self._ahead else next(self._source, None)
            if following is None:
                break
            lines.append(following)
            fields = self._fitting(lines) if QUOTE in following else None
        if fields is None:
            self._ahead.extendleft(reversed(lines[1:]))
            lines = [line]
        return "".join(lines).rstrip("\r\n"), fields

    def _is_open(self, lines: list[str]) -> bool:
        quotes = sum(line.count(QUOTE) for line in lines)
        return quotes % 2 == 1 and len(lines) < LONGEST_RECORD

    def _fitting(self, lines: list[str]) -> list[str] | None:
        fields = _fields(lines)
        return fields if fields and len(fields) == self._width else None


def _fields(lines: list[str]) -> list[str] | None:
    """The fields of lines that are exactly one record."""
    try:
        found = list(csv.reader(lines, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None
