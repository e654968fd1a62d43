"""One simulated instant for all processes, or the machine's; never a guess."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from shared.runtime.clock import (
    ClockError,
    FileClock,
    ManualClock,
    SystemClock,
    clock_from_settings,
)
from shared.runtime.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_manual_clock_stands_until_moved() -> None:
    clock = ManualClock(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == clock.now() == NOON
    assert clock.now().tzinfo is UTC
    clock.advance(timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)
    clock.set(NOON)
    assert clock.now() == NOON
    assert clock.simulated


def test_a_file_clock_is_shared_by_its_path(tmp_path: Path) -> None:
    first, second = FileClock(tmp_path / "clock"), FileClock(tmp_path / "clock")
    first.set(NOON)
    assert second.now() == NOON
    assert (tmp_path / "clock").read_text() == "2026-03-01T12:00:00Z\n"
    assert [path.name for path in tmp_path.iterdir()] == ["clock"]


@pytest.mark.parametrize("content", [None, "", "yesterday", "2026-03-01T12:00:00"])
def test_an_unreadable_clock_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "clock"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClockError, match="RFC 3339"):
        FileClock(path).now()


def test_an_instant_without_offset_is_refused(tmp_path: Path) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001  the fault under test
    with pytest.raises(ValueError, match="offset"):
        ManualClock(naive)
    with pytest.raises(ValueError, match="offset"):
        FileClock(tmp_path / "clock").set(naive)


def test_the_settings_choose_the_clock(tmp_path: Path) -> None:
    assert isinstance(clock_from_settings(Settings()), SystemClock)
    simulated = clock_from_settings(Settings(clock_file=tmp_path / "clock"))
    assert isinstance(simulated, FileClock)
    assert not SystemClock().simulated
    assert SystemClock().now().tzinfo is UTC
