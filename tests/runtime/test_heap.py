"""What lasts is looked at once by the collector, and not forgotten for ever."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from shared.runtime import heap
from shared.runtime.heap import adding_what_lasts, leaving_out_what_lasts, let_go


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


@pytest.fixture
def lasting() -> Iterator[heap._Lasting]:
    """As a server has it, but no thread asks whether it is time: the test does."""
    lasting = heap._Lasting()
    gc.disable()
    gc.callbacks.append(lasting)
    heap._kept.append(lasting)
    gc.collect()
    yield lasting
    heap._kept.remove(lasting)
    gc.callbacks.remove(lasting)
    gc.unfreeze()
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


def grown(by: float) -> list[list[int]]:
    """So many times as many blocks of memory as there are."""
    return [[] for _ in range(int(sys.getallocatedblocks() * by) + 1000)]


def left_out() -> weakref.ref[Knot]:
    """What is garbage among what is left out."""
    knot = Knot()
    gc.collect()
    return weakref.ref(knot)


def test_once_half_as_much_has_been_added_everything_is_looked_at_in_a_quiet_time(
    lasting: heap._Lasting,
) -> None:
    gone = left_out()
    lasting.look(quiet=True)
    assert gone() is not None, "not worth it yet"
    added = grown(0.5)
    lasting.look(quiet=False)
    assert gone() is not None, "somebody may be waiting"
    lasting.look(quiet=True)
    assert gone() is None
    assert gc.get_freeze_count() > len(added)


def test_once_as_much_again_has_been_added_nothing_is_waited_for(lasting: heap._Lasting) -> None:
    gone, added = left_out(), grown(1.0)
    with adding_what_lasts():
        lasting.look(quiet=False)
        assert gone() is not None, "a study that is being read lasts"
        other = grown(0)
    added += other
    lasting.look(quiet=True)
    assert gone() is not None, "as one that was read does"
    added += grown(1.0)
    lasting.look(quiet=False)
    assert gone() is None


def test_what_was_let_go_is_given_back_in_the_next_quiet_time(lasting: heap._Lasting) -> None:
    gone = left_out()
    let_go()
    lasting.look(quiet=False)
    assert gone() is not None
    lasting.look(quiet=True)
    assert gone() is None


def test_studies_read_in_the_place_of_others_do_not_put_the_look_off(
    lasting: heap._Lasting,
) -> None:
    gone = left_out()
    let_go()
    with adding_what_lasts():
        read = grown(1.0)
    lasting.look(quiet=False)
    assert gone() is None
    assert gc.get_freeze_count() > len(read)


def test_a_time_with_little_to_do_is_a_quiet_one(
    lasting: heap._Lasting, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = iter([0.0, heap._LITTLE, heap._LITTLE * 1.9])
    monkeypatch.setattr(heap, "time", SimpleNamespace(process_time=used.__next__))
    lasting.turn()
    gone = left_out()
    let_go()
    lasting.turn()
    assert gone() is not None
    lasting.turn()
    assert gone() is None


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


READING = """
import gc, weakref
from shared.runtime.heap import adding_what_lasts, leaving_out_what_lasts

class Knot:
    "Something that only the collector can let go."
    def __init__(self):
        self.me = self

def grow():
    return [[number] for number in range(300_000)]

seen = []
with leaving_out_what_lasts():
    gc.callbacks.append(lambda phase, info: seen.append(info["generation"]))
    with adding_what_lasts():
        gone = weakref.ref(Knot())
        with adding_what_lasts():
            kept = grow()
        assert gone() is None, "what is new is looked at"
        kept += grow()
        assert 2 not in seen, "and not what there was, until the last has been read"
        before = gc.get_freeze_count()
    assert 2 not in seen, "nor once it is read"
    assert gc.get_freeze_count() > before + len(kept), "as it is left out"
    kept += grow()
assert 2 in seen, "what is added otherwise is looked at"
"""


def test_while_a_study_is_read_and_afterwards_only_what_is_new_is_looked_at() -> None:
    # In a process of its own: the more one holds, the rarer the collector looks at all of it.
    subprocess.run([sys.executable, "-c", READING], check=True)


def test_afterwards_nothing_is_left_out() -> None:
    with leaving_out_what_lasts():
        knot = Knot()
        gc.collect()
        gone = weakref.ref(knot)
        del knot
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gone() is None
