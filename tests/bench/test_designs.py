"""The benchmark of the designs runs, and Vigil agrees with the plain rules it is compared with."""

from bench.designs import measure


def test_every_comparison_agrees() -> None:
    """`measure` compares the answers before it takes the time."""
    found = list(measure(quick=True))
    assert {"CRM fit, empiric", "exact 3+3, 6 doses"} <= {pair.name for pair in found}
    assert all(pair.ratio > 0 for pair in found if pair.plain)
