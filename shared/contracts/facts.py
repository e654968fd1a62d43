"""The record kinds: what an EDC, a laboratory or a person may state about a study.

Upper-case fields are SDTM variables, lower-case ones are ours. Results, ranges and grades stay
strings as collected. Unknown upper-case keys are kept (``supp``), unknown lower-case keys are
refused: a misspelt field of ours must not be silently ignored.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.dates import Dtc
from shared.contracts.results import Measured, parse_result

Text = Annotated[str, StringConstraints(max_length=4000)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]
YesNo = Literal["Y", "N"]
YesNoUnknown = Literal["Y", "N", "U", ""]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Grade = Annotated[str, StringConstraints(pattern=r"^[0-5]$")]
DosageText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?$")]


class Record(BaseModel):
    """Common to every record: the study it belongs to, and room for unlisted SDTM variables."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    STUDYID: Code

    @model_validator(mode="after")
    def _only_sdtm_extras(self) -> Record:
        for key in self.model_extra or ():
            if not key.replace("_", "").isalnum() or key != key.upper() or not key[0].isalpha():
                raise PydanticCustomError(
                    "unknown_field",
                    "a key that is neither an SDTM variable (upper case) nor one of ours",
                    {"key": key},
                )
        return self

    @property
    def supp(self) -> dict[str, Any]:
        """SDTM variables the contract does not name, kept as sent."""
        return self.model_extra or {}


class SubjectRecord(Record):
    """A record about one subject. ``record_status`` says where it stands at the source: counts that
    rest on an unsigned or queried record are provisional."""

    USUBJID: Code
    SITEID: Code | None = None
    VISITNUM: int | float | None = None
    VISIT: Text | None = None
    EPOCH: Text | None = None
    record_status: Literal["signed", "unsigned", "queried"] | None = None


class Subject(SubjectRecord):
    """DM: the subject is in the study."""

    SUBJID: Code
    RFICDTC: Dtc
    SEX: Code | None = None
    AGE: int | None = Field(default=None, ge=0, le=130)
    RFSTDTC: Dtc | None = None
    COUNTRY: Code | None = None


class CohortAssignment(SubjectRecord):
    """Which cohort and dose level a subject is assigned to; ``part`` other than escalation is not
    assessed for DLT unless the protocol counts it."""

    cohort_id: Code
    assigned_dtc: Dtc
    dose_level: int | None = Field(default=None, ge=1)
    planned_dose: DosageText | None = None
    dose_unit: Code | None = None
    slot: int | None = Field(default=None, ge=1)
    replaces_usubjid: Code | None = None
    part: Literal["escalation", "backfill", "expansion"] = "escalation"


class Dose(SubjectRecord):
    """EC/EX: a planned dose was given (``ECOCCUR`` Y) or not (N)."""

    ECTRT: Code
    ECOCCUR: YesNo
    ECSTDTC: Dtc
    ECENDTC: Dtc | None = None
    ECDOSE: DosageText | None = None
    ECDOSU: Code | None = None
    ECREASOC: Text | None = None
    ECADJ: Text | None = None
    planned_dtc: Dtc | None = None
    planned_dose: DosageText | None = None
    cycle: int | None = Field(default=None, ge=1)
    cycle_day: int | None = None


class Lab(SubjectRecord):
    """LB: one result as reported, or why it was not done. LBLOINC can stand in for LBTESTCD."""

    LBTESTCD: Code | None = None
    LBDTC: Dtc
    LBORRES: Text | None = None
    LBSTAT: Literal["NOT DONE"] | None = None
    LBREASND: Text | None = None
    LBORRESU: Text | None = None
    LBORNRLO: Text | None = None
    LBORNRHI: Text | None = None
    LBSTRESN: Text | None = None
    LBSTRESU: Text | None = None
    LBSTNRLO: Text | None = None
    LBSTNRHI: Text | None = None
    LBSPEC: Text | None = None
    LBFAST: YesNoUnknown | None = None
    LBLOINC: Code | None = None
    LBLOBXFL: YesNoUnknown | None = None
    LBREFID: Code | None = None

    @model_validator(mode="after")
    def _test_known(self) -> Lab:
        if self.LBTESTCD is None and self.LBLOINC is None:
            raise PydanticCustomError("missing", "give LBTESTCD or LBLOINC", {"key": "LBTESTCD"})
        return self

    @model_validator(mode="after")
    def _result_or_reason(self) -> Lab:
        done = self.LBORRES is not None and self.LBORRES.strip() != ""
        if done == (self.LBSTAT is not None):
            raise PydanticCustomError(
                "result_or_reason",
                "give either LBORRES, or LBSTAT and LBREASND",
                {"key": "LBORRES"},
            )
        if self.LBSTAT is not None and not self.LBREASND:
            raise PydanticCustomError(
                "result_or_reason", "LBSTAT NOT DONE needs LBREASND", {"key": "LBREASND"}
            )
        return self


class Vital(SubjectRecord):
    """VS: one vital sign."""

    VSTESTCD: Code
    VSDTC: Dtc
    VSORRES: Text
    VSORRESU: Text | None = None
    VSPOS: Text | None = None
    VSTPT: Text | None = None


class Ecg(SubjectRecord):
    """EG: one ECG reading."""

    EGTESTCD: Code
    EGDTC: Dtc
    EGORRES: Text
    EGORRESU: Text | None = None
    EGTPT: Text | None = None
    EGREPNUM: int | None = Field(default=None, ge=1)


class GradeChange(BaseModel):
    """From ``dtc`` on, the event had this grade."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    dtc: Dtc
    grade: Grade


class Submission(BaseModel):
    """The report of an event went to a region's authority: the first one, or what followed it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    region: Code
    dtc: Dtc
    report: Literal["initial", "follow_up"] = "initial"


class AdverseEvent(SubjectRecord):
    """AE: an adverse event as the investigator reports it.

    For the clocks of a serious event: when the site became aware (``aware_dtc``) and told the
    sponsor (``reported_dtc``); when the sponsor first had patient, reporter, drug and event
    (``day_0_dtc``), or the news that starts the clock anew, and determined that it is to be
    reported (``determined_dtc``); whether a named person finds it ``expected`` by which Reference
    Safety Information (``rsi_version``); what went to which authority.
    """

    AETERM: Text
    AESTDTC: Dtc
    AESER: YesNo
    AETOXGR: Grade | None = None
    AESEV: Literal["MILD", "MODERATE", "SEVERE"] | None = None
    AEDECOD: Text | None = None
    AEPTCD: Code | None = None
    AEENDTC: Dtc | None = None
    AEENRTPT: Text | None = None
    AEREL: Text | None = None
    AEACN: Text | None = None
    AEOUT: Text | None = None
    AESDTH: YesNoUnknown | None = None
    AESLIFE: YesNoUnknown | None = None
    AESHOSP: YesNoUnknown | None = None
    AESDISAB: YesNoUnknown | None = None
    AESCONG: YesNoUnknown | None = None
    AESMIE: YesNoUnknown | None = None
    AEDLT: YesNoUnknown | None = None
    grade_changes: tuple[GradeChange, ...] = Field(default=(), strict=False)
    aware_dtc: Dtc | None = None
    reported_dtc: Dtc | None = None
    day_0_dtc: Dtc | None = None
    determined_dtc: Dtc | None = None
    expected: YesNo | None = None
    rsi_version: Code | None = None
    submissions: tuple[Submission, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _grade_or_severity(self) -> AdverseEvent:
        if self.AETOXGR is None and self.AESEV is None:
            raise PydanticCustomError(
                "grade_or_severity", "give AETOXGR or AESEV", {"key": "AETOXGR"}
            )
        return self

    @model_validator(mode="after")
    def _expected_by_something(self) -> AdverseEvent:
        if self.expected is not None and self.rsi_version is None:
            raise PydanticCustomError(
                "missing", "expected needs rsi_version", {"key": "rsi_version"}
            )
        return self


class TumourResponse(SubjectRecord):
    """RS: a response assessment."""

    RSTESTCD: Code
    RSDTC: Dtc
    RSORRES: Text
    RSCAT: Text | None = None
    RSEVAL: Text | None = None
    sum_diam: DosageText | None = None
    best_change_pct: Text | None = None


class Disposition(SubjectRecord):
    """DS: the subject left, died, completed."""

    DSDECOD: Text
    DSSTDTC: Dtc
    DSSCAT: Text | None = None
    DSTERM: Text | None = None


class Concomitant(SubjectRecord):
    """CM / PR: another medication or procedure; ``category`` is what DLT criteria ask about."""

    CMTRT: Text
    CMSTDTC: Dtc
    CMENDTC: Dtc | None = None
    CMDOSE: DosageText | None = None
    CMDOSU: Code | None = None
    CMINDC: Text | None = None
    category: (
        Literal[
            "transfusion",
            "growth_factor",
            "steroid",
            "immunosuppressant",
            "supportive_care",
            "other",
        ]
        | None
    ) = None


class ReviewComplete(SubjectRecord):
    """The source states that everything of a domain up to a date has been entered: only then does
    an absent record mean "no"."""

    domain: Literal["AE", "LB", "EX", "CM", "ALL"]
    complete_through: Dtc
    evaluable: bool | None = None


class DltReview(SubjectRecord):
    """A named person judges a DLT candidate; ``role`` as the protocol's ``adjudicators`` name it.
    Without it the record speaks for the board of adjudicators."""

    decision: Literal["DLT", "NOT_DLT"]
    decided_dtc: Dtc
    criterion_id: Code
    assessment_digest: Digest
    evaluable: bool | None = None
    role: Code | None = None
    linked_recordids: tuple[Code, ...] = Field(default=(), strict=False)
    rationale: Text | None = None


class Decision(Record):
    """A committee's recorded decision; only this opens a dose level or lifts a hold.
    ``countersigned_by``: the second person where it overrides what the design allows."""

    action: Literal["enrol", "expand", "escalate", "stay", "deescalate", "hold", "finish", "stop"]
    decided_dtc: Dtc
    dose_level: int = Field(ge=1)
    assessment_digest: Digest
    mtd: int | None = Field(default=None, ge=1)
    rp2d: int | None = Field(default=None, ge=1)
    lifts_hold: bool = False
    rationale: Text | None = None
    override_reason: Text | None = None
    countersigned_by: Code | None = None
    members: tuple[Code, ...] = Field(default=(), strict=False)


class Protocol(Record):
    """A version of the study's protocol document (YAML text)."""

    version: Code
    document: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    effective_dtc: Dtc | None = None


KINDS: dict[str, type[Record]] = {
    "subject": Subject,
    "cohort_assignment": CohortAssignment,
    "dose": Dose,
    "lab": Lab,
    "vital": Vital,
    "ecg": Ecg,
    "adverse_event": AdverseEvent,
    "tumour_response": TumourResponse,
    "disposition": Disposition,
    "concomitant": Concomitant,
    "review_complete": ReviewComplete,
    "dlt_review": DltReview,
    "decision": Decision,
    "protocol": Protocol,
}

PERSONS_ACTS = frozenset({"dlt_review", "decision", "protocol"})
"""Kinds that only an authenticated person may state, never an EDC's key."""

STUDY_KINDS = frozenset({"decision", "protocol"})
"""Kinds about a study, not a subject: the envelope's subject is the STUDYID."""


def numeric(text: str | None) -> Decimal | None:
    """The plain number in a reported limit, or None where there is none (or a comparator)."""
    if text is None:
        return None
    result = parse_result(text)
    return result.value if isinstance(result, Measured) and not result.comparator else None
