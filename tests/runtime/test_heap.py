"""What lasts is looked at once by the collector, and not forgotten for ever."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from shared.runtime.heap import leaving_out_what_lasts


class Knot:
    """Something that only the collector can let go."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collecting() -> Iterator[None]:
    """No collection but those the test asks for."""
    gc.disable()
    with leaving_out_what_lasts():
        gc.collect()
        yield
    gc.enable()


@pytest.mark.usefixtures("collecting")
def test_what_has_survived_a_full_collection_is_left_out_of_the_next() -> None:
    knot = Knot()
    gc.collect()
    gone = weakref.ref(knot)
    del knot
    gc.collect()
    assert gone() is not None
    fresh = Knot()
    gone = weakref.ref(fresh)
    del fresh
    gc.collect()
    assert gone() is None


@pytest.mark.usefixtures("collecting")
def test_once_half_as_much_has_been_added_everything_is_looked_at() -> None:
    knot = Knot()
    gc.collect()
    gone = weakref.ref(knot)
    del knot
    added: list[list[int]] = [[] for _ in range(sys.getallocatedblocks() // 2 + 1000)]
    gc.collect()
    assert gone() is not None, "only what was added is looked at"
    gc.collect()
    assert gone() is None
    assert gc.get_freeze_count() > len(added)


@pytest.mark.usefixtures("collecting")
def test_no_object_is_held_while_they_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread builds meanwhile could not be finished."""
    asked: list[int] = []

    def get_objects(generation: int = -1) -> list[object]:
        asked.append(generation)
        return []

    monkeypatch.setattr(gc, "get_objects", get_objects)
    gc.collect()
    assert not asked


def test_afterwards_nothing_is_left_out() -> None:
    with leaving_out_what_lasts():
        knot = Knot()
        gc.collect()
        gone = weakref.ref(knot)
        del knot
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gone() is None
