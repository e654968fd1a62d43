"""A study of which several processes hold some of the subjects each.

All of them put the same questions in the same order. What is found of the subjects held here is
joined with what the others have found, and from there on everybody goes on with the same.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

Found = TypeVar("Found")


class Gather(Protocol):
    """Joins what was found ``here`` to a question with what the others have found, in any order."""

    def __call__(self, question: str, here: list[Found], /) -> list[Found]: ...


def all_are_here(_: str, here: list[Found], /) -> list[Found]:
    """As one process does that holds every subject."""
    return here
