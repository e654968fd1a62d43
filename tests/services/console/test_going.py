"""What waits for somebody's way back is kept for a while, and not without end."""

import pytest

from services.console import going
from services.console.going import PATIENCE, Waiting
from tests.services.console.test_sessions import Watch


def test_what_waits_is_taken_once_and_only_in_time() -> None:
    watch = Watch()
    waiting: Waiting[str] = Waiting(watch)
    waiting.keep("one", "first")
    waiting.keep("two", "second")
    assert waiting.find("one") == "first"
    assert (waiting.take("one"), waiting.take("one")) == ("first", None)
    watch.now += PATIENCE
    assert waiting.find("two") == "second"
    watch.now += 1
    assert waiting.find("two") is None


def test_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going, "MOST_WAITING", 2)
    waiting: Waiting[int] = Waiting()
    for number in range(3):
        waiting.keep(str(number), number)
    assert [waiting.find(str(number)) for number in range(3)] == [None, 1, 2]
