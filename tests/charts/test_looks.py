"""No category is told by its colour alone, and grades darken as they rise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

import pytest

from shared.charts import heart, liver, stopping, treatment
from shared.charts.parts import GRADES, KINDS, NOT_GRADABLE

_SETS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "grades": GRADES,
    "liver": liver._KINDS,
    "qtcf": heart._KINDS,
    "stopping": stopping._KINDS,
    "swimmer": treatment._MARKS,
    "kinds": {shape: (colour, shape) for colour, shape in KINDS},
}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    found = re.fullmatch("#(..)(..)(..)", colour)
    assert found is not None
    parts = [int(part, 16) / 255 for part in found.groups()]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", _SETS)
def test_each_category_has_a_shape_or_a_lightness_of_its_own(name: str) -> None:
    looks = list(_SETS[name].values())
    for at, (colour, shape) in enumerate(looks):
        for other_colour, other_shape in looks[:at]:
            assert shape != other_shape or ratio(colour, other_colour) >= 3


def test_grades_darken_and_neighbours_differ_in_black_and_white() -> None:
    colours = [colour for grade, (colour, _) in GRADES.items() if grade != NOT_GRADABLE]
    assert len(colours) == 6
    for lighter, darker in pairwise(colours):
        assert luminance(lighter) > luminance(darker)
        assert ratio(lighter, darker) >= 1.1
    # Cells with a grade written in them: white on the dark ones, black on the others.
    assert all(ratio(GRADES[grade][0], "#ffffff") >= 4.5 for grade in "345")
    assert all(ratio(GRADES[grade][0], "#000000") >= 4.5 for grade in "12")
