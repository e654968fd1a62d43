"""Whether a recorded treatment is one that a criterion names.

A name stands for every recorded name it is part of, whatever the case, the punctuation and the
number: PLATELETS is found in "Platelet apheresis", FILGRASTIM in "Pegfilgrastim". Nothing else is
taken for it; what shares a word with it is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_NO_PLURAL = ("SS", "US", "IS")


def is_named(names: Iterable[str], recorded: str) -> bool:
    """Whether one of the names is part of the recorded one."""
    return any(_plain(name) in _plain(recorded) for name in names)


def sounds_like(names: Iterable[str], recorded: str) -> bool:
    """Whether the recorded name has a word of three letters or more in common with one of the
    names, or holds one that is only spaced otherwise (GCSF, G-CSF)."""
    plain = _plain(recorded)
    words = {word for word in plain.split() if len(word) > 2}
    return any(
        not words.isdisjoint(name.split()) or name.replace(" ", "") in plain.replace(" ", "")
        for name in map(_plain, names)
    )


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """The words in capitals, each in the singular."""
    return " ".join(_singular(word) for word in re.findall(r"\w+", text.upper()))


def _singular(word: str) -> str:
    if word.endswith("IES") and len(word) > 4:
        return f"{word[:-3]}Y"
    plural = word.endswith("S") and len(word) > 3 and not word.endswith(_NO_PLURAL)
    return word[:-1] if plural else word
