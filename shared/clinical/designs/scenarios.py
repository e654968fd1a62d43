"""True DLT rates to try a design on before anybody knows them: one curve, with the right dose moved
from below the lowest to beyond the highest."""

from __future__ import annotations

from dataclasses import dataclass

from shared.clinical.designs.crm_model import getprior

_SHARE = 4
_LEAST, _MOST = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Scenario:
    """``right``: the dose that has the target rate; 0 where all are above it, and one more than
    there are doses where all are below."""

    right: int
    rates: tuple[float, ...]


def scenarios(target: float, doses: int) -> tuple[Scenario, ...]:
    """Two more than there are doses, the most toxic first; rates in whole per cent, 1 to 99.

    Neighbouring doses are as far apart as in a skeleton with indifference intervals of the target
    ± a quarter of it. Source: Lee and Cheung, Clin Trials 2009;6:227.

    >>> for one in scenarios(0.28, 3):
    ...     one.right, one.rates
    (0, (0.42, 0.56, 0.68))
    (1, (0.28, 0.42, 0.56))
    (2, (0.15, 0.28, 0.42))
    (3, (0.06, 0.15, 0.28))
    (4, (0.02, 0.06, 0.15))
    """
    halfwidth = min(target, 1 - target) / _SHARE
    return tuple(
        Scenario(
            right,
            tuple(
                min(_MOST, max(_LEAST, round(rate, 2)))
                for rate in getprior(halfwidth, target, nu=right + 1, nlevel=doses + 2)[1:-1]
            ),
        )
        for right in range(doses + 2)
    )
