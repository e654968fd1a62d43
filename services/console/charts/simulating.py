"""Works out what a design does at assumed true rates, for a process that must answer others.

``python -m services.console.charts.simulating`` reads a design and writes what was found.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from shared.clinical.designs import DesignError, design_of, exact, simulate
from shared.clinical.designs.characteristics import Characteristics
from shared.clinical.designs.scenarios import scenarios
from shared.clinical.designs.simulation import target_of
from shared.contracts.figures import EscalationDesign

TRIALS, SEED = 1000, 0
_PATIENT = 10


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """What a design does in each scenario, ``rights`` being the dose that is right there; or in
    words why it cannot be simulated."""

    rights: tuple[int, ...]
    found: tuple[Characteristics, ...]
    why_none: str | None


ANSWER = TypeAdapter(WorkedOut)


def worked_out(asked: EscalationDesign) -> WorkedOut:
    """As `vigil design simulate` does: 3+3 exactly, any other design by simulated trials."""
    try:
        design = design_of(json.loads(asked.parameters))
        tried = scenarios(target_of(design), len(asked.doses))
        how: dict[str, Any] = {"start": asked.start, "cohort_size": asked.cohort_size}
        found = [
            exact(design, one.rates, **how)
            if design.kind == "3+3"
            else simulate(design, one.rates, trials=TRIALS, seed=SEED, **how)
            for one in tried
        ]
    except DesignError as error:
        return WorkedOut((), (), str(error))
    return WorkedOut(tuple(one.right for one in tried), tuple(found), None)


def main() -> None:
    """One question from standard input; with little claim on the machine."""
    os.nice(_PATIENT)
    asked = EscalationDesign.model_validate_json(sys.stdin.read())
    sys.stdout.write(ANSWER.dump_json(worked_out(asked)).decode())


if __name__ == "__main__":
    main()
