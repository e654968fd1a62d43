"""The ``design:`` section: any dose-escalation design by its kind, as a request names it.

``{kind: boin, target: 0.3, limits: [...]}`` with, for the study, the level it starts at and the
size of its cohorts; or the short form ``three_plus_three``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from shared.clinical import designs
from shared.clinical.criteria import Part
from shared.clinical.designs.limits import SentinelGap, SuspendWhilePending
from shared.document import Document, Finding, Path

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol

COHORTS_OF_THEIR_OWN = ("3+3", "rolling_six")


class ThreePlusThree(Part):
    """3+3; ``deescalate`` as `shared.clinical.designs.three_plus_three` states it."""

    variant: Literal["plain", "deescalate"]
    start_level: int = Field(default=1, ge=1)


class Design(Part):
    """The dose-escalation rule: ``kind`` and that design's parameters and limits, beside these.

    ``start_level``: the first dose level. ``cohort_size``: so many are treated at a dose before
    the rule is asked; a rule that can't read pending subjects then waits for all of them.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    three_plus_three: ThreePlusThree | None = None
    kind: str | None = None
    start_level: int = Field(default=1, ge=1)
    cohort_size: int | None = Field(default=None, ge=1, le=20)

    @model_validator(mode="after")
    def _one_form(self) -> Design:
        beside = {"start_level", "cohort_size"} & self.model_fields_set or self.model_extra
        if self.three_plus_three is None and self.kind is None:
            raise ValueError(
                "say three_plus_three, or kind: and one of " + ", ".join(designs.KINDS)
            )
        if self.three_plus_three is not None and (self.kind is not None or beside):
            raise ValueError("three_plus_three stands alone: its start_level belongs inside")
        return self

    @cached_property
    def rule(self) -> designs.Design:
        """The design itself; pydantic's ValidationError or KeyError for what is none."""
        if self.three_plus_three is not None:
            return designs.ThreePlusThree(variant=self.three_plus_three.variant)
        assert self.kind is not None
        return designs.KINDS[self.kind].model_validate({"kind": self.kind, **self.parameters})

    @property
    def parameters(self) -> dict[str, object]:
        """The design's own parameters."""
        return dict(self.model_extra or {})

    @property
    def start(self) -> int:
        """The dose level the study starts with."""
        form = self.three_plus_three
        return self.start_level if form is None else form.start_level

    @property
    def turns_with_days(self) -> bool:
        """Whether a day gone by may change the answer: it weighs follow-up, or counts a gap."""
        gap = any(isinstance(limit, SentinelGap) for limit in self.rule.limits)
        return gap or self.rule.kind in ("tite_crm", "tite_boin")


def check_design(document: Document, protocol: Protocol) -> list[Finding]:
    """Every fault of the section that its shape alone can't show."""
    design = protocol.design
    if design.kind is not None and design.kind not in designs.KINDS:
        problem, known = "unknown kind of design", ", ".join(designs.KINDS)
        return [document.finding(("design", "kind"), problem, f"write one of {known}")]
    try:
        rule = design.rule
    except ValidationError as error:
        return [
            document.finding(
                ("design", *_in_document(item["loc"])),
                item["msg"].removeprefix("Value error, "),
                f"correct it: see `vigil design kinds`, {design.kind}",
            )
            for item in error.errors(include_url=False)
        ]
    found = [_misfit(document, *misfit) for misfit in _misfits(protocol, rule)]
    if not protocol.has(design.start):
        found.append(document.finding(("design",), "start_level is no dose level", "correct it"))
    return found


def _in_document(location: tuple[int | str, ...]) -> Path:
    """A place in the parameters without the alternative of `limits` that was tried."""
    return tuple(part for index, part in enumerate(location) if index != 2)


def _misfit(document: Document, field: str, problem: str, remedy: str) -> Finding:
    return document.finding(("design", field), problem, remedy)


def _misfits(protocol: Protocol, rule: designs.Design) -> list[tuple[str, str, str]]:
    """Where a design and this study don't go together: the field, the fault, the remedy."""
    found, size, doses = [], protocol.design.cohort_size, len(protocol.doses)
    own = rule.kind in COHORTS_OF_THEIR_OWN
    if rule.kind == "boin_comb":
        problem = "doses of two drugs are no row of levels: a live study has no matrix"
        found.append(("kind", problem, "ask it by `vigil design decide`"))
    number = getattr(rule, "num_doses", None)
    if number is not None and number != doses:
        problem = f"the design has {number} doses, the protocol {doses}"
        found.append(("skeleton", problem, "give one value per dose level"))
    if own and size is not None:
        found.append(("cohort_size", f"{rule.kind} has cohorts of its own", "remove it"))
    waits = any(isinstance(limit, SuspendWhilePending) for limit in rule.limits)
    if not own and size is None and not waits:
        problem = "nothing says when to wait for those already treated"
        found.append(("kind", problem, "add cohort_size, or the limit suspend_while_pending"))
    if rule.kind == "bf_boin" and protocol.response is None:
        problem = "a dose is filled once a response was seen there, and no response is defined"
        found.append(("kind", problem, "add the section response"))
    return found
