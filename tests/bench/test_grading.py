"""The grading benchmark grades what it says, alike every time, and compares like with like."""

from __future__ import annotations

from pathlib import Path

from bench.grading import HEADER, measure_calls, measure_table, write_table


def test_a_table_is_the_same_every_time_in_whatever_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.csv", "two.csv", "shuffled.csv")]
    for path in paths:
        write_table(path, 500, shuffled=path.stem == "shuffled")
    first, again, shuffled = (path.read_text().splitlines() for path in paths)
    assert first == again
    assert (first[0], len(first)) == (",".join(HEADER), 501)
    assert shuffled != first
    assert sorted(shuffled[1:]) == sorted(first[1:])


def test_both_read_and_write_the_whole_table(tmp_path: Path) -> None:
    found = measure_table(tmp_path, 200, 1)
    assert len(found.vigil) == len(found.plain) == found.rows / 200 == 1
    assert 0 < found.plain[0].cpu <= found.vigil[0].cpu


def test_the_chain_gives_the_same_grades() -> None:
    own, chain = measure_calls(1)
    assert own > chain > 0
