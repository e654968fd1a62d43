"""The 36 tricky timelines, each a file that reads as given / then, against the pure core."""

import pytest

from tests.scenarios.cases import Case, Expectation, cases, hold

FOUND = cases()
ROWS = [
    pytest.param(case, expected, id=f"{name}-{expected.at}".replace(" ", "_"))
    for name, case in FOUND
    for expected in case.then
]


@pytest.mark.parametrize(("case", "expected"), ROWS)
def test_case(case: Case, expected: Expectation) -> None:
    hold(case, expected)


def test_every_case_is_told() -> None:
    assert sorted({case.case for _, case in FOUND}) == list(range(1, 37))


def test_a_wrong_expectation_is_found() -> None:
    _, case = FOUND[0]
    row = case.then[-1]
    with pytest.raises(AssertionError):
        hold(case, row.model_copy(update={"action": "finish", "at": row.at}, deep=True))
