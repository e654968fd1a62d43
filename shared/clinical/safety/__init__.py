"""What the safety team is told of beside the DLT status: serious events and their clocks, events of
special interest, Hy's law, expected values that are missing.

Everything is asked for by the protocol's section ``safety``; nothing here changes a count.
"""

from __future__ import annotations

from shared.clinical.case import Case
from shared.clinical.person import Person
from shared.clinical.questions import Findings
from shared.clinical.safety.labs import watch_labs
from shared.clinical.safety.liver import watch_liver
from shared.clinical.safety.report import Report
from shared.clinical.safety.serious import watch_serious
from shared.clinical.safety.special import watch_special


def watch_safety(person: Person, case: Case | None, found: Findings) -> None:
    """Everything the section asks for, of one subject; ``case`` is None while no dose is given:
    events are told from consent on."""
    if person.protocol.safety is None:
        return
    reports = [Report(person, standing) for standing in person.of("adverse_event")]
    watch_serious(person, reports, found)
    watch_special(person, case, reports, found)
    if case is not None:
        watch_liver(case, found)
        watch_labs(case, found)
