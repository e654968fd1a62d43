"""Which version of the protocol a signal's rule is of: the first in which it reads as it does.

An amendment that leaves a rule word for word as it was leaves the signals by it as they were: told
again, they would teach people to look away.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any

from shared.clinical.protocol import Protocol

_NAMES = {"version", "title"}
_OF_THE_STUDY = {"design", "response", "stopping", "futility"}


class RuleVersions:
    """The versions that were in force one after another, the present one last."""

    def __init__(self, in_force: Sequence[Protocol]) -> None:
        self._in_force = in_force
        self._found: dict[tuple[bool, str], tuple[str, ...]] = {}

    def of(self, subject: bool, rule: str) -> tuple[str, ...]:
        """The versions since which a rule stands unchanged, the present one first. About a
        ``subject`` that is all of the document but the study's design and boundaries and the
        criteria that ``rule`` does not name; about the study it is all of it."""
        if (subject, rule) not in self._found:
            now, *before = (_read(one, subject, rule) for one in reversed(self._texts))
            same = 1 + sum(1 for _ in takewhile(lambda text: text == now, before))
            names = [one.version for one in reversed(self._in_force)][:same]
            self._found[subject, rule] = tuple(dict.fromkeys(names))
        return self._found[subject, rule]

    @cached_property
    def _texts(self) -> list[dict[str, Any]]:
        return [one.model_dump(mode="json", exclude=_NAMES) for one in self._in_force]


def _read(text: dict[str, Any], subject: bool, rule: str) -> dict[str, Any]:
    if not subject:
        return text
    read = {name: said for name, said in text.items() if name not in _OF_THE_STUDY}
    named = rule.split(", ")
    criteria = [one for one in text["dlt"]["criteria"] if one["id"] in named]
    return {**read, "dlt": {**text["dlt"], "criteria": criteria}}
