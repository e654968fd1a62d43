"""What an assessment shows of a design's numbers, which has to be the same on every machine."""

import pytest

from shared.clinical.designs.live import report_of
from shared.clinical.designs.model import Report


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (8.92062e-18, "0"),
        (-1.9e-17, "0"),
        (-9.9e-13, "0"),
        (1e-12, "1e-12"),
        (-1e-12, "-1e-12"),
        (0.05, "0.05"),
        (1 / 3, "0.333333"),
    ],
)
def test_what_rounding_leaves_is_nothing(number: float, shown: str) -> None:
    said = report_of(Report("a.rule", "", {"estimate": number}, {"limit": number}, number, "made"))
    assert (said.inputs, said.thresholds, said.margin) == (
        {"estimate": shown},
        {"limit": shown},
        shown,
    )
