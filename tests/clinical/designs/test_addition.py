"""The same numbers have the same sum on every Python, to the last bit.

From 3.12 on the built-in ``sum`` finds others, so most of these tests can fail there only.
"""

from shared.clinical.designs import Patient, counts_of_patients
from shared.clinical.designs.addition import in_turn
from shared.clinical.designs.quadrature import posterior


def test_nothing_is_carried_along() -> None:
    """What a correction would keep of the 1 is lost."""
    assert in_turn([1e16, 1.0, -1e16]) == 0.0


def test_the_sum_of_nothing_is_an_integer() -> None:
    """So an assessment says 0 of no weights, and not "0"."""
    assert repr(in_turn([])) == "0"


def test_a_posterior_mean_is_added_up_in_turn() -> None:
    """Of a density around 0 it is what rounding left, which an assessment shows in six digits."""
    found = posterior(lambda x: -x * x / 2, -15.0, 15.0)
    mean = 0.0
    for mass, node in zip(found.masses, found.nodes, strict=True):
        mean += mass * node
    assert found.mean() == mean


def test_follow_up_is_added_up_in_turn() -> None:
    (counts,) = counts_of_patients(tuple(Patient(1, 0, 0.1, pending=True) for _ in range(10)), 1)
    assert counts.stft == 0.9999999999999999
