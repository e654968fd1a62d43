"""Signs that a subject was treated though no first dose is on record.

Without a first dose there is no window, so nothing that happened to the subject counts: what only
a treated subject can have says that the record is missing rather than the dose.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.clinical.person import Person
from shared.clinical.timeline import Entry
from shared.clinical.toxicity import relatedness
from shared.contracts.facts import Dose


def signs_of_treatment(person: Person) -> Iterator[tuple[list[Entry], str]]:
    """The records that only a treated subject can have, by what they tell of; empty of none."""
    doses = [entry for one in person.of("dose") for entry in one.entries]
    given = [one for one in doses if isinstance(one.record, Dose) and one.record.ECOCCUR == "Y"]
    yield given, "another dose"
    attribution = person.protocol.attribution
    related = [
        entry
        for one in person.of("adverse_event")
        if relatedness(one, attribution) == "yes"
        for entry in one.entries
    ]
    yield related, "an event related to treatment"
