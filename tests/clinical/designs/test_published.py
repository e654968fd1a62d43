"""Decision tables as published, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.clinical.designs import (
    Answer,
    DesignError,
    DoseCounts,
    Keyboard,
    Mtpi,
    Mtpi2,
    Question,
    RollingSix,
    design_of,
)
from shared.clinical.designs.interval import IntervalDesign
from shared.document import read_yaml

FOLDER = Path(__file__).parent / "published"


def lines(name: str) -> list[Any]:
    found = read_yaml((FOLDER / name).read_text()).value
    assert isinstance(found, list)
    return found


def verdicts() -> list[Any]:
    return [
        pytest.param(table["design"], len(row) - 1, dlt, letter)
        for table in lines("intervals.yaml")
        for row in table["rows"]
        for dlt, letter in enumerate(row)
        if letter != "."
    ]


@pytest.mark.parametrize(("members", "n", "dlt", "letter"), verdicts())
def test_interval_tables(members: dict[str, Any], n: int, dlt: int, letter: str) -> None:
    design = design_of(members)
    assert isinstance(design, IntervalDesign)
    assert design.verdict(n, dlt) == letter


def ask(enrolled: int, evaluable: int, dlt: int) -> Answer:
    here = DoseCounts(evaluable, dlt, enrolled - evaluable)
    return RollingSix().decide(Question((DoseCounts(n=3), here, DoseCounts()), 2))


@pytest.mark.parametrize("line", lines("rolling_six.yaml"), ids=str)
def test_rolling_six(line: dict[str, Any]) -> None:
    first, last = line["enrolled"]
    for enrolled in range(first, last + 1):
        for evaluable in range(line["evaluable"][0], min(line["evaluable"][1], enrolled) + 1):
            answer = ask(enrolled, evaluable, line["dlt"])
            assert answer.action == line["action"], (enrolled, evaluable)


def test_the_grid_is_complete() -> None:
    """Every way six or fewer can be enrolled stands in exactly one line."""
    for enrolled in range(7):
        for evaluable in range(enrolled + 1):
            for dlt in range(min(evaluable, 3) + 1):
                fitting = [
                    line
                    for line in lines("rolling_six.yaml")
                    if line["dlt"] == dlt
                    and line["enrolled"][0] <= enrolled <= line["enrolled"][1]
                    and line["evaluable"][0] <= evaluable <= line["evaluable"][1]
                ]
                actions = {line["action"] for line in fitting}
                assert len(actions) == 1, (enrolled, evaluable, dlt)


def test_worked_masses_of_mtpi() -> None:
    shown = Mtpi(target=0.28).read(6, 3).thresholds
    masses = [shown["mass_below"], shown["mass_target"], shown["mass_above"]]
    assert [f"{mass:.6f}" for mass in masses] == ["0.232872", "1.146535", "1.241471"]


def test_worked_masses_of_mtpi_2() -> None:
    reading = Mtpi2(target=0.28).read(9, 2)
    assert "(0.13, 0.23): mass 2.82953 against 2.79279" in reading.text


@pytest.mark.parametrize("percent", range(15, 41, 5))
def test_keyboard_is_mtpi_2_up_to_24(percent: int) -> None:
    target = percent / 100
    keyboard, other = Keyboard(target=target), Mtpi2(target=target)
    for n in range(1, 25):
        for dlt in range(n + 1):
            assert keyboard.verdict(n, dlt) == other.verdict(n, dlt), (n, dlt)


def test_keyboard_as_in_r_eliminates_from_the_first_patient() -> None:
    assert Keyboard(target=0.20, n_eli=1).verdict(1, 1) == "U"
    assert Keyboard(target=0.20).verdict(1, 1) == "D"
    assert Keyboard(target=0.20).verdict(3, 3) == "U"


@pytest.mark.parametrize("members", [{"target": 0.05}, {"target": 0.95}, {"eps1": 0.3}])
def test_a_target_interval_lies_inside(members: dict[str, float]) -> None:
    with pytest.raises(DesignError, match="must hold"):
        design_of({"kind": "mtpi", "target": 0.3, **members})
