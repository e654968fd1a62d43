"""A study's facts, folded; `Study.assess` is ``evaluate(protocol, facts, as_of)``.

The assessment is a function of the accepted record versions alone. What is kept between two calls
is a memory of subjects already assessed, dropped as soon as a new fact could change it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.clinical.ctcae import Graded, grade
from shared.clinical.escalation import assess_escalation
from shared.clinical.protocol import Protocol, day_ends, load_protocol
from shared.clinical.subject import SubjectState, assess_subject, criterion_results
from shared.clinical.timeline import Entry, History, entry_of
from shared.contracts.assessment import Assessment, CriterionResult, Query, digest_of
from shared.contracts.envelope import Fact, sha256
from shared.contracts.facts import STUDY_KINDS, Decision, Lab
from shared.contracts.facts import Protocol as ProtocolRecord
from shared.contracts.graded import GradedResult

ENGINE = "vigil-clinical 1"


class Study:
    """Everything known about one study, by the facts added so far."""

    def __init__(self, study: str) -> None:
        self.study = study
        self._facts: dict[str, Entry] = {}
        self._people: dict[str, _Member] = {}
        self._own = History()
        self._protocols: list[Entry] = []
        self._past: dict[tuple[datetime, datetime], list[SubjectState]] = {}
        self._late: dict[datetime, list[datetime]] = {}

    def add(self, facts: Iterable[Fact]) -> None:
        """Take in accepted facts, in any order; a fact already there changes nothing.

        Raises `shared.clinical.document.DocumentError` for a protocol document that is not
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
        self._forget_past(entry)
        if fact.kind not in STUDY_KINDS:
            self._people.setdefault(fact.subject, _Member()).add(entry)
        elif fact.kind == "decision":
            self._own.add(entry)
        else:
            self._protocols.append(entry)
            self._past.clear()
            self._late.clear()
            for member in self._people.values():
                member.forget()

    def _forget_past(self, entry: Entry) -> None:
        """Drop remembered views of the past that this version changes."""
        known = entry.fact.known_at
        if any(key[1] >= known for key in self._past):
            self._past = {key: states for key, states in self._past.items() if key[1] < known}
        protocol = self.protocol
        if protocol is not None:
            zone = protocol.zone()
            for moment, late in self._late.items():
                if known > moment and entry.seen(moment, zone):
                    late.append(known)

    @property
    def protocol(self) -> Protocol | None:
        """The protocol in force: the one that became known last."""
        return self.protocol_at(None)

    def protocol_at(self, known_at: datetime | None) -> Protocol | None:
        """The protocol in force by what was known at a moment (None: now)."""
        known = [
            entry
            for entry in self._protocols
            if entry.record is not None and (known_at is None or entry.fact.known_at <= known_at)
        ]
        if not known:
            return None
        latest = max(known, key=lambda entry: (entry.fact.known_at, entry.fact.version))
        record = latest.record
        return load_protocol(record.document) if isinstance(record, ProtocolRecord) else None

    def assess(
        self,
        *,
        as_of: datetime,
        known_at: datetime | None = None,
        degraded: bool = False,
        applied_through: str | None = None,
    ) -> Assessment:
        """The assessment of what had happened by ``as_of``, by what was known at ``known_at``.

        Raises ValueError where no protocol was known then.
        """
        as_of = as_of.astimezone(UTC)
        known_at = as_of if known_at is None else known_at.astimezone(UTC)
        protocol = self.protocol_at(known_at)
        if protocol is None:
            raise ValueError(f"no protocol of {self.study} was known at {known_at.isoformat()}")
        states = self._states(protocol, as_of, known_at)
        decisions = self._decisions(protocol, as_of, known_at)
        escalation = assess_escalation(protocol, self, states, decisions, known_at, degraded)
        queries = [query for state in states for query in state.queries]
        queries += self._conflicting_decisions(known_at)
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
        )
        return assessment.model_copy(update={"digest": digest_of(assessment)})

    def states(self, protocol: Protocol, as_of: datetime, known_at: datetime) -> list[SubjectState]:
        """Every subject by an earlier moment, by subject code; remembered."""
        key = (as_of, known_at)
        if key not in self._past:
            self._past[key] = self._states(protocol, as_of, known_at)
        return self._past[key]

    def _states(
        self, protocol: Protocol, as_of: datetime, known_at: datetime
    ) -> list[SubjectState]:
        found = [
            member.state(protocol, usubjid, as_of, known_at)
            for usubjid, member in self._people.items()
        ]
        present = [state for state in found if state is not None]
        return sorted(present, key=lambda one: (one.assessment.subject, one.assessment.usubjid))

    def as_known_then(self, moment: datetime, known_at: datetime) -> bool:
        """Whether nothing known since says anything about what had happened by ``moment``."""
        late = self._late.get(moment)
        if late is None:
            protocol = self.protocol_at(known_at)
            zone = protocol.zone() if protocol else None
            late = [
                entry.fact.known_at
                for entry in self._facts.values()
                if zone and entry.fact.known_at > moment and entry.seen(moment, zone)
            ]
            self._late[moment] = late
        return not any(known <= known_at for known in late)

    def turning_points(
        self, protocol: Protocol, usubjid: str, known_at: datetime
    ) -> list[datetime]:
        """When something became known that could make a toxicity of the subject disappear."""
        return self._people[usubjid].history.turning_points(known_at, protocol.zone())

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

    def _conflicting_decisions(self, known_at: datetime) -> list[Query]:
        return [
            Query(
                id=sha256(f"decision|{standing.entries[0].fact.recordid}")[:16],
                subject=None,
                kind="conflict",
                text=f"decision: {standing.doubt}",
                evidence=tuple(entry.evidence for entry in standing.entries),
                known_at=max(entry.fact.known_at for entry in standing.entries),
            )
            for standing in self._own.standing(known_at).get("decision", [])
            if standing.doubt is not None
        ]

    def next_deadline(self, after: datetime) -> datetime | None:
        """The next instant at which time alone may change the assessment."""
        protocol = self.protocol
        if protocol is None:
            return None
        waiting = [
            deadline
            for state in self._states(protocol, after, after)
            for deadline in state.deadlines
            if deadline > after
        ]
        return min(waiting, default=None)

    def graded(self, fact_ids: Collection[str]) -> tuple[GradedResult, ...]:
        """The grades of these record versions, against the baseline known now."""
        protocol = self.protocol
        if protocol is None:
            return ()
        results: list[GradedResult] = []
        for fact_id in fact_ids:
            entry = self._facts.get(fact_id)
            if entry is not None and isinstance(entry.record, Lab) and entry.record.LBORRES:
                results += self._graded(protocol, entry, entry.record)
        return tuple(results)

    def _graded(self, protocol: Protocol, entry: Entry, record: Lab) -> list[GradedResult]:
        baseline = None
        if record.LBLOBXFL != "Y":
            baseline = self._people[entry.fact.subject].baseline(record)
        answers = grade(
            entry.lab_value(),
            ctcae=protocol.ctcae,
            baseline=baseline.lab_value() if baseline else None,
            is_baseline=record.LBLOBXFL == "Y",
        )
        occurred = entry.dates(protocol.zone(record.SITEID))[0]
        return [
            GradedResult(
                study=self.study,
                usubjid=entry.fact.subject,
                term=answer.term,
                ctcae=answer.ctcae,
                grade_low=answer.low if isinstance(answer, Graded) else None,
                grade_high=answer.high if isinstance(answer, Graded) else None,
                not_gradable=None if isinstance(answer, Graded) else answer.reason,
                why=answer.why,
                occurred=occurred,
                known_at=entry.fact.known_at,
                evidence=entry.evidence,
            )
            for answer in answers
        ]


class _Member:
    """One subject's history with the states already worked out: the present one, and those of
    earlier moments that were asked for. A state by what was known at K does not change when
    something becomes known after K.
    """

    def __init__(self) -> None:
        self.history = History()
        self._states: dict[tuple[datetime, datetime], SubjectState | None] = {}
        self._recent: tuple[datetime, datetime, datetime, SubjectState | None] | None = None
        self._results: dict[datetime, dict[str, CriterionResult]] = {}
        self._baselines: dict[tuple[str, str | None], Entry] | None = None

    def add(self, entry: Entry) -> None:
        """Take in one version and drop what it may change."""
        self.history.add(entry)
        known = entry.fact.known_at
        self._recent = None
        self._baselines = None
        if any(key[1] >= known for key in self._states):
            self._states = {key: state for key, state in self._states.items() if key[1] < known}
        if any(key >= known for key in self._results):
            self._results = {key: found for key, found in self._results.items() if key < known}

    def forget(self) -> None:
        """Drop everything worked out: the protocol changed."""
        self._states.clear()
        self._results.clear()
        self._recent = None

    def baseline(self, record: Lab) -> Entry | None:
        """The standing flagged baseline of the same test and specimen."""
        if self._baselines is None:
            self._baselines = self.history.flagged_baselines()
        return self._baselines.get((record.LBTESTCD, record.LBSPEC))

    def state(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known_at: datetime
    ) -> SubjectState | None:
        """The subject's state; None where no record of it stands."""
        known = self.history.latest_known(known_at)
        if known is None:
            return None
        if known > as_of and not self.history.seen_late(as_of, known, protocol.zone()):
            known = self.history.latest_known(as_of)
            if known is None:
                return None
        recent = self._recent
        if recent is not None and recent[0] == known and recent[1] <= as_of < recent[2]:
            return recent[3]
        key = (as_of, known)
        if key in self._states:
            return self._states[key]
        state = self._work_out(protocol, usubjid, as_of, known)
        if known < self.history.latest:
            self._states[key] = state
        elif known <= as_of:
            self._recent = (known, as_of, self._valid_until(protocol, state, as_of), state)
        return state

    def _work_out(
        self, protocol: Protocol, usubjid: str, as_of: datetime, known: datetime
    ) -> SubjectState | None:
        standing = self.history.standing(known)
        if not standing:
            return None

        def results_at(moment: datetime) -> dict[str, CriterionResult]:
            if moment not in self._results:
                then = self.history.standing(moment)
                self._results[moment] = criterion_results(protocol, usubjid, then, moment)
            return self._results[moment]

        state = assess_subject(protocol, usubjid, standing, as_of, results_at)
        return replace(state, corrected=self.history.corrected(known))

    @staticmethod
    def _valid_until(protocol: Protocol, state: SubjectState | None, as_of: datetime) -> datetime:
        """Until when the state holds if nothing more becomes known: its deadlines, and the turn of
        the day while something is still counted in days."""
        if state is None:
            return as_of
        until = min(state.deadlines, default=as_of + timedelta(days=36500))
        window = state.assessment.window
        settled = window is not None and window.day is None and not state.deadlines
        if not settled:
            zone = protocol.zone()
            until = min(until, day_ends(as_of.astimezone(zone).date(), zone))
        return until


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
