"""The sections ``stopping:`` and ``futility:``: what halts a study besides the escalation rule.

A safety rule is a criterion in the words of the DLT definition, with the boundary it is counted by;
a futility rule is a two-stage design on the responses of the section ``response:``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from shared.clinical.criteria import CriterionRule, Part
from shared.clinical.monitoring import Rule, SafetyRule, TwoStage
from shared.document import Document, Finding, Path

if TYPE_CHECKING:
    from shared.clinical.protocol import Protocol

Studied = Literal["escalation", "backfill", "expansion"]
Parts = Annotated[tuple[Studied, ...], Field(min_length=1)]
EVERYONE: tuple[Studied, ...] = ("escalation", "backfill", "expansion")


class StoppingRule(CriterionRule):
    """One safety rule: its event (a ``toxicity``, ``measurement``, ...), ``among`` whom, and the
    boundary ``stop_when``.

    An event counts whenever it begins on treatment; with ``onset: in_window`` only within the
    window. A subject without one is final when the window is over and its records are complete.
    """

    among: Parts = EVERYONE
    onset: Literal["any_time", "in_window"] = "any_time"
    stop_when: Annotated[SafetyRule, Field(discriminator="kind")]

    @property
    def boundary(self) -> Rule:
        """The boundary with the event and the denominator in the protocol's words."""
        words = {"event": self.text, "denominator": _subjects(self.among)}
        return self.stop_when.model_copy(update=words)


class FutilityRule(Part):
    """A two-stage design on responses, looked at whenever another response is final."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    text: str
    source: str
    among: Parts = ("expansion",)
    two_stage: TwoStage

    @property
    def boundary(self) -> Rule:
        """As of a safety rule."""
        return self.two_stage.model_copy(update={"denominator": _subjects(self.among)})


def _subjects(parts: tuple[str, ...]) -> str:
    return "subjects" if parts == EVERYONE else f"{' and '.join(parts)} subjects"


def check_stopping(document: Document, protocol: Protocol) -> list[Finding]:
    """Faults of the section that its shape alone can't show, besides those of its criteria."""
    found = []
    seen = {rule.id for rule in protocol.dlt.criteria}
    rules: list[tuple[Path, StoppingRule | FutilityRule]] = [
        *((("stopping", index), rule) for index, rule in enumerate(protocol.stopping)),
        *((("futility", index), rule) for index, rule in enumerate(protocol.futility)),
    ]
    for path, rule in rules:
        if rule.id in seen:
            problem = "the id occurs twice, here or among the DLT criteria"
            found.append(document.finding((*path, "id"), problem, "make it unique"))
        seen.add(rule.id)
        if isinstance(rule, FutilityRule) and protocol.response is None:
            problem = "a two-stage design counts responses, and no response is defined"
            found.append(document.finding(path, problem, "add the section response"))
    return found
