"""One subject's profile, from the records that stood at the moment of an assessment."""

from __future__ import annotations

from shared.clinical.person import Person
from shared.clinical.profile.events import events_of
from shared.clinical.profile.series import series_of
from shared.clinical.profile.telling import Telling, versions_of
from shared.clinical.profile.treatment import (
    doses_of,
    leaving_of,
    reviews_of,
    treatments_of,
    tumour_of,
)
from shared.clinical.study import Study
from shared.contracts.assessment import Assessment
from shared.contracts.facts import Subject
from shared.contracts.profile import On, Profile, opaque_id

__all__ = ["profile_of"]


def profile_of(study: Study, assessment: Assessment, subject: str) -> Profile | None:
    """The profile of the subject with this `opaque_id`, by what was known at the assessment; None
    where nothing of such a subject stood then."""
    stated = next(
        (one for one in assessment.subjects if opaque_id(study.study, one.usubjid) == subject), None
    )
    protocol = study.versions(assessment.known_at).get(assessment.protocol_version)
    if stated is None or protocol is None:
        return None
    known_at = assessment.known_at
    person = study.person(protocol, stated.usubjid, assessment.as_of, known_at)
    assert person is not None
    telling = Telling(person, list(study.records_of(stated.usubjid, known_at)))
    about = _about(person)
    return Profile(
        study=study.study,
        title=protocol.title,
        synthetic=protocol.synthetic,
        id=subject,
        protocol_version=protocol.version,
        ctcae=protocol.ctcae,
        as_of=assessment.as_of,
        known_at=known_at,
        degraded=assessment.degraded,
        stale_since=assessment.stale_since,
        assessment_digest=assessment.digest,
        assessment=stated,
        site=person.site,
        zone=person.zone.key,
        sex=about.SEX if about else None,
        age=about.AGE if about else None,
        consented=about.RFICDTC if about else None,
        first_dose=_first_dose(person, telling),
        doses=tuple(doses_of(telling)),
        events=tuple(events_of(telling)),
        series=tuple(series_of(person, telling)),
        tumour=tuple(tumour_of(telling)),
        treatments=tuple(treatments_of(telling)),
        leaving=tuple(leaving_of(telling)),
        reviews=tuple(reviews_of(telling)),
        queries=tuple(one for one in assessment.queries if one.subject == person.subject),
        records=tuple(versions_of(telling)),
    )


def _about(person: Person) -> Subject | None:
    records = (entry.record for one in person.of("subject") for entry in one.entries)
    return next((record for record in records if isinstance(record, Subject)), None)


def _first_dose(person: Person, telling: Telling) -> On | None:
    """The days treatment may have begun, in the words of the record where one says the first."""
    start = person.start
    if start is None:
        return None
    said = next((entry.occurred for entry in person.first_doses()), None)
    return telling.between(said.text if said else str(start.first), start.first, start.last)
