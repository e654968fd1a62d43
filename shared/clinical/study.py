"""A study's facts, folded; `Study.assess` is ``evaluate(protocol, facts, as_of)``.

The assessment is a function of the accepted record versions alone. What is kept between two calls
is a memory of subjects already assessed, dropped as soon as a new fact could change it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Literal

from shared.clinical.escalation import PENDING, Escalation, assess_escalation
from shared.clinical.escalation.places import Room, room_at
from shared.clinical.escalation.views import seen_otherwise
from shared.clinical.gather import Gather, all_are_here
from shared.clinical.history import History, RecordId
from shared.clinical.member import Found, Member, Name
from shared.clinical.misplaced import Misplaced
from shared.clinical.moments import Moments
from shared.clinical.person import Person, site_of
from shared.clinical.protocol import Protocol, day_starts, load_protocol, local_day
from shared.clinical.rule_versions import RuleVersions
from shared.clinical.safety.silence import stale_from
from shared.clinical.sentinel import with_deviations
from shared.clinical.subject import SubjectState
from shared.clinical.timeline import Entry, Standing, entry_of
from shared.clinical.versions import Versions
from shared.contracts.assessment import Assessment, Query, digest_of
from shared.contracts.envelope import Fact, sha256
from shared.contracts.facts import STUDY_KINDS, Decision
from shared.contracts.facts import Protocol as ProtocolRecord
from shared.contracts.graded import GradedResult

ENGINE = "vigil-clinical 1"


class Study:
    """Everything known about one study, by the facts added so far."""

    def __init__(self, study: str, gather: Gather = all_are_here) -> None:
        """``gather`` joins the answers of several processes that hold some of the subjects each."""
        self.study, self.gathered = study, gather
        self._facts: dict[str, Entry] = {}
        self._people: dict[str, Member] = {}
        self._own = History()
        self._misplaced = Misplaced()
        self._versions = Versions(self._own)
        self._then = Moments()
        self._asked: tuple[object, Sequence[SubjectState]] | None = None
        """The moment whose states were asked for last, and these."""

    def add(self, facts: Iterable[Fact]) -> None:
        """Take in accepted facts, in any order; a fact already there changes nothing.

        Raises `shared.document.DocumentError` for a protocol document that is not
        acceptable and ValueError for data outside the contract; what came before is kept.
        """
        for fact in facts:
            if fact.fact_id in self._facts:
                continue
            entry = entry_of(fact)
            if isinstance(entry.record, ProtocolRecord):
                load_protocol(entry.record.document)
            self._facts[fact.fact_id] = entry
            self._file(entry)

    def _file(self, entry: Entry) -> None:
        fact = entry.fact
        self._asked = None
        self._then.drop(fact.known_at)
        if fact.kind not in STUDY_KINDS:
            self._misplaced.add(entry, self._facts.values())
            if fact.subject not in self._people:
                self._people[fact.subject] = Member()
            self._people[fact.subject].add(entry)
            return
        self._own.add(entry)
        if fact.kind == "protocol":
            self._versions = Versions(self._own)
            for member in self._people.values():
                member.forget()

    @property
    def protocol(self) -> Protocol | None:
        """The protocol in force: the highest revision of the one that became known last."""
        return self.protocol_at(None)

    def protocol_at(self, known_at: datetime | None) -> Protocol | None:
        """The protocol in force by what was known at a moment (None: now)."""
        return self._versions.in_force(known_at)

    def rules(self, known_at: datetime | None) -> Sequence[tuple[datetime, Protocol | None]]:
        """Which protocol was in force from when on, by what was known at a moment (None: now)."""
        return self._versions.rules(known_at)

    def versions(self, known_at: datetime) -> dict[str, Protocol]:
        """Every version of the protocol known at a moment by its name, in the order they came; the
        latest text of each."""
        return self._versions.by_name(known_at)

    def rule_versions(self, known_at: datetime) -> RuleVersions:
        """See `Versions.rule_versions`."""
        return self._versions.rule_versions(known_at)

    def amended(self, known_at: datetime) -> list[datetime]:
        """When a protocol took the place of another."""
        return self._own.known_of("protocol", known_at)[1:]

    def identities(self) -> Iterator[RecordId]:
        """Every record about a subject; one that stands for two subjects twice."""
        return chain.from_iterable(one.history.identities() for one in self._people.values())

    def people(self) -> list[str]:
        """Every subject anything was ever known about here."""
        return list(self._people)

    def site_of(self, usubjid: str) -> str | None:
        """The site of a subject, by everything known."""
        member = self._people.get(usubjid)
        return None if member is None else site_of(member.history.standing(member.history.latest))

    def assess(
        self,
        *,
        as_of: datetime,
        known_at: datetime | None = None,
        degraded: bool = False,
        applied_through: str | None = None,
        version: str | None = None,
    ) -> Assessment:
        """The assessment of what had happened by ``as_of``, by what was known at ``known_at``; by
        the protocol in force then, or by another ``version`` of it known then.

        Raises ValueError where no such protocol was known then.
        """
        as_of = as_of.astimezone(UTC)
        known_at = as_of if known_at is None else known_at.astimezone(UTC)
        protocol = self.protocol_at(known_at)
        if protocol is not None and version not in (None, protocol.version):
            protocol = self.versions(known_at).get(str(version))
        if protocol is None:
            raise ValueError(f"no protocol of {self.study} was known at {known_at.isoformat()}")
        decisions = self._decisions(protocol, as_of, known_at)
        # Earlier moments first: what is so from there on is not worked out for the present again.
        seen_otherwise(protocol, self, [one.fact.known_at for one in decisions], known_at)
        states = with_deviations(protocol, self.states(protocol, as_of, known_at))
        doubts = self._own_doubts(known_at)
        escalation = self.escalation(protocol, states, as_of, known_at, degraded)
        queries = [query for state in states for query in state.queries]
        doubts += self._misplaced.at(known_at)
        queries += [_question(one.entries, "conflict", str(one.doubt)) for one in doubts]
        queries += [
            _question((entry,), "doubtful", "the protocol has no such dose level")
            for entry in decisions
            if isinstance(entry.record, Decision) and not protocol.has(entry.record.dose_level)
        ]
        stale = stale_from(protocol, states, self._last_heard(min(as_of, known_at)))
        assessment = Assessment(
            study=self.study,
            protocol_version=protocol.version,
            ctcae=protocol.ctcae,
            as_of=as_of,
            known_at=known_at,
            applied_through=applied_through,
            engine=ENGINE,
            status=escalation.status,
            degraded=degraded,
            recommendation=escalation.recommendation,
            rp2d=escalation.rp2d,
            decisions=escalation.decisions,
            queries=tuple(sorted(queries, key=lambda query: (query.subject or "", query.id))),
            doses=escalation.doses,
            subjects=tuple(state.assessment for state in states),
            stopping=escalation.stopping,
            stale_since=stale if stale is not None and stale <= as_of else None,
        )
        return assessment.model_copy(update={"digest": digest_of(assessment)})

    def escalation(
        self,
        protocol: Protocol,
        states: Sequence[SubjectState],
        as_of: datetime,
        known_at: datetime,
        degraded: bool = False,
        supposed: Sequence[Sequence[SubjectState]] = (),
    ) -> Escalation:
        """The study's part of an assessment, for these subjects (``supposed`` as in
        `assess_escalation`)."""
        decisions = self._decisions(protocol, as_of, known_at)
        doubts = self._own_doubts(known_at) + self._misplaced.at(known_at)
        disputed = [entry for standing in doubts for entry in standing.entries]
        return assess_escalation(
            protocol, self, states, decisions, disputed, as_of, known_at, degraded, supposed
        )

    def supposing(self, facts: Iterable[Fact]) -> Study:
        """This study with further facts, which it does not take in itself."""
        supposed = list(facts)
        touched = {fact.subject for fact in supposed}
        other = Study(self.study)
        other._people = {who: one for who, one in self._people.items() if who not in touched}
        other._facts = dict(self._facts)
        other._misplaced = self._misplaced.copy()
        for entry in self._facts.values():
            if entry.fact.kind in STUDY_KINDS:
                other._own.add(entry)
            elif entry.fact.subject in touched:
                other._people.setdefault(entry.fact.subject, Member()).add(entry)
        other.add(supposed)
        return other

    def room(self, dose_level: int, as_of: datetime) -> Room | None:
        """What one more subject at a level has to reckon with; None where there is no level."""
        protocol = self.protocol_at(as_of)
        if protocol is None or not protocol.has(dose_level):
            return None
        disputed = {entry for standing in self._own_doubts(as_of) for entry in standing.entries}
        decisions = [one for one in self._decisions(protocol, as_of, as_of) if one not in disputed]
        states = self.states(protocol, as_of, as_of)
        return room_at(protocol, self, states, decisions, as_of, dose_level)

    def states(
        self, protocol: Protocol, as_of: datetime, known_at: datetime
    ) -> Sequence[SubjectState]:
        """Every subject by a moment, by subject code."""
        asked = protocol, as_of, known_at
        if self._asked is None or self._asked[0] != asked:
            found = (one.state(protocol, who, as_of, known_at) for who, one in self._people.items())
            present = self.gathered("states", [state for state in found if state is not None])
            present.sort(key=lambda one: (one.assessment.subject, one.assessment.usubjid))
            self._asked = asked, present
        return self._asked[1]

    def states_then(self, protocol: Protocol, moment: datetime) -> Sequence[SubjectState]:
        """Every subject by what was known at a moment."""
        kept = self._then.kept
        return kept("states", moment, protocol, lambda: self.states(protocol, moment, moment))

    def kept_then(
        self, name: str, moment: datetime, basis: object, work: Callable[[], Found]
    ) -> Found:
        """What ``work`` makes of what was known at a moment: see `Moments.kept`."""
        return self._then.kept(name, moment, basis, work)

    def persons(self, protocol: Protocol, as_of: datetime, known_at: datetime) -> list[Person]:
        """Every subject with the records that had happened by ``as_of``, by subject code."""
        found = (self.person(protocol, usubjid, as_of, known_at) for usubjid in self._people)
        present = [person for person in found if person is not None]
        return sorted(present, key=lambda one: (one.subject, one.usubjid))

    def person(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> Person | None:
        """One of them; None where nothing of the subject stood then."""
        return self._people[usubjid].person(protocol, usubjid, as_of, known_at)

    def made_of_each(
        self,
        protocol: Protocol,
        as_of: datetime,
        known_at: datetime,
        work: Callable[[Person], Found | None],
    ) -> list[Found]:
        """What ``work``, a function of the person alone, makes of each, in no order; of whom
        nothing has changed it is not worked out again."""
        found = (
            member.made(protocol, usubjid, as_of, known_at, work)
            for usubjid, member in self._people.items()
        )
        return [one for one in found if one is not None]

    def records_of(
        self, usubjid: str, known_at: datetime
    ) -> Iterator[tuple[Standing | None, tuple[Entry, ...]]]:
        """Every record about a subject: see `History.records`."""
        return self._people[usubjid].history.records(known_at)

    def who_may_count(self, protocol: Protocol) -> Iterator[str]:
        """The subjects of whom any assignment ever named a part that is counted."""
        return (who for who, member in self._people.items() if member.may_count(protocol))

    def is_seen_otherwise(self, usubjid: str, moment: datetime, known_at: datetime) -> bool:
        """Whether something known since says what of a subject had happened by ``moment``."""
        late = self._people[usubjid].history.known_late(moment)
        return bool(late) and late[0] <= known_at

    def turning_points(
        self, protocol: Protocol, usubjid: str, known_at: datetime
    ) -> list[datetime]:
        """When something became known that could make a toxicity of the subject disappear."""
        return self._people[usubjid].history.turning_points(known_at, protocol.zone())

    def kept(
        self, name: Name, usubjid: str, known_at: datetime, basis: object, work: Callable[[], Found]
    ) -> Found:
        """What ``work`` makes of a subject: see `Member.kept`."""
        return self._people[usubjid].kept(name, known_at, basis, work)

    def state_of(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> SubjectState | None:
        """One subject's state; None where nothing of the subject stood then."""
        return self._people[usubjid].state(protocol, usubjid, as_of, known_at)

    def _decisions(self, protocol: Protocol, as_of: datetime, known_at: datetime) -> list[Entry]:
        zone = protocol.zone()
        found = [
            entry
            for standing in self._own.standing(known_at).get("decision", [])
            for entry in standing.entries
            if isinstance(entry.record, Decision) and entry.seen(as_of, zone)
        ]
        return sorted(found, key=lambda entry: (entry.fact.known_at, entry.fact.fact_id))

    def _last_heard(self, known_at: datetime) -> datetime | None:
        """When the last record of any subject had become known."""
        heard = [member.history.latest_known(known_at) for member in self._people.values()]
        return max(self.gathered("heard", [one for one in heard if one]), default=None)

    def _own_doubts(self, known_at: datetime) -> list[Standing]:
        """The decisions and protocols that contradict themselves."""
        standing = self._own.standing(known_at)
        return [one for kind in sorted(standing) for one in standing[kind] if one.doubt is not None]

    def next_deadline(self, after: datetime) -> datetime | None:
        """The next instant at which time alone may change the assessment."""
        protocol = self.protocol
        if protocol is None:
            return None
        states = self.states(protocol, after, after)
        waiting = [one for state in states for one in state.deadlines if one > after]
        stale = stale_from(protocol, states, self._last_heard(after))
        waiting += [stale] if stale is not None and stale > after else []
        if protocol.design.turns_with_days:
            pending = (state for state in states if state.assessment.status in PENDING)
            waiting += [
                day_starts(local_day(after, state.zone) + timedelta(days=1), state.zone)
                for state in pending
            ]
        return min(waiting, default=None)

    def graded(self, usubjid: str) -> tuple[GradedResult, ...]:
        """Every grade of a subject that stands now: of what was measured, derived and reported, by
        the baselines and companions known now. None without a protocol."""
        return tuple(chain.from_iterable(self.graded_by_panel(usubjid)))

    def graded_by_panel(self, usubjid: str) -> tuple[tuple[GradedResult, ...], ...]:
        """The same in parts, of which one that has not changed is the same object again."""
        protocol, member = self.protocol, self._people.get(usubjid)
        return member.graded(protocol, usubjid) if protocol and member else ()


def _question(
    entries: tuple[Entry, ...], kind: Literal["conflict", "doubtful"], text: str
) -> Query:
    """A question about a record of the study itself."""
    fact = entries[0].fact
    return Query(
        id=sha256(f"{fact.kind}|{fact.recordid}|{kind}")[:16],
        subject=None,
        kind=kind,
        text=f"{fact.kind}: {text}",
        evidence=tuple(entry.evidence for entry in entries),
        known_at=max(entry.fact.known_at for entry in entries),
    )


def evaluate(
    facts: Iterable[Fact],
    *,
    as_of: datetime,
    known_at: datetime | None = None,
    degraded: bool = False,
    applied_through: str | None = None,
) -> Assessment:
    """The assessment of a study from its facts alone, the protocol among them.

    Raises ValueError where there are no facts or no protocol.
    """
    listed = list(facts)
    if not listed:
        raise ValueError("no facts")
    study = Study(listed[0].study)
    study.add(listed)
    return study.assess(
        as_of=as_of, known_at=known_at, degraded=degraded, applied_through=applied_through
    )
