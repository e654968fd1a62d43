"""The dose-escalation rule in sentences that a committee can sign.

Sources and parameters are those of each design in `shared.clinical.designs`.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.clinical.designs import (
    BfBoin,
    Boin,
    Crm,
    I3Plus3,
    Keyboard,
    Mtpi,
    Mtpi2,
    RollingSix,
    Table,
    ThreePlusThree,
    TiteBoin,
    TiteCrm,
)
from shared.clinical.designs.design import Design
from shared.clinical.designs.interval import IntervalDesign
from shared.clinical.designs.mtpi import TargetInterval

_BELOW_FIRST = (
    "When a dose is exceeded the dose below is first filled to six; the MTD is the highest dose"
    " with six evaluable subjects and at most one DLT."
)
_MTD_OF_THREE_PLUS_THREE = {
    "plain": "When a dose is exceeded the dose below is the MTD, whatever its size.",
    "deescalate": _BELOW_FIRST,
    "confirm6": f"{_BELOW_FIRST} The top dose needs six as well.",
}


def rule_in_words(rule: Design) -> Iterator[str]:
    """What the rule does, sentence by sentence; a kind without words of its own says its name."""
    match rule:
        case ThreePlusThree():
            yield (
                "Three subjects are treated at a dose. If none has a DLT the next dose follows. If"
                " one has, three more are treated at the dose, and the next follows if at most one"
                " of the six has a DLT. With two or more the dose is exceeded."
            )
            yield _MTD_OF_THREE_PLUS_THREE[rule.variant]
        case RollingSix():
            yield (
                "Up to six subjects are treated at a dose. The next dose follows when three or four"
                " finished without a DLT and nobody is pending, when five finished without one, or"
                " when five did and one has a DLT. With two DLTs the dose is exceeded. Otherwise"
                " subjects are added until there are six, and then everybody waits."
            )
            yield (
                "The MTD is the dose below an exceeded one, once six are evaluable there and at"
                " most one of them has a DLT."
            )
        case Crm():
            yield from _crm(rule)
        case IntervalDesign():
            yield from _interval(rule)
            yield from _closing(rule)


def _crm(rule: Crm) -> Iterator[str]:
    yield (
        "A model of the DLT rates of all doses is fitted to what was seen (continual reassessment"
        f" method). The dose whose rate is nearest to the target of {rule.target:g} is proposed."
    )
    if isinstance(rule, TiteCrm):
        yield "A subject still in the window counts by the share of it that was observed."
    if rule.stop_confidence is not None:
        yield (
            "The trial stops without an MTD once the probability that the rate of the first dose"
            f" is above the target exceeds {rule.stop_confidence:g}."
        )


def _interval(rule: IntervalDesign) -> Iterator[str]:
    match rule:
        case Boin():
            yield from _boin(rule)
        case Table():
            yield (
                "The table in the settings decides: a row for each number of evaluable subjects,"
                " and in it a letter for each number of DLTs from none on. E escalates, S stays,"
                " D de-escalates, U de-escalates and closes the dose."
            )
        case TargetInterval():
            yield _target_interval(rule)


def _boin(rule: Boin) -> Iterator[str]:
    escalate, deescalate = rule.lambdas
    yield (
        "The share of the evaluable subjects at the current dose who have a DLT decides: up to"
        f" {escalate:.4f} the dose is escalated, above {deescalate:.4f} it is de-escalated, and"
        f" between them it stays. The target is a DLT rate of {rule.target:g}."
    )
    if rule.stay_at_one_third:
        yield "One DLT in three stays, whatever the limits say."
    if rule.bound_mtd:
        yield f"A dose with an estimated rate above {deescalate:.4f} is not taken for the MTD."
    if isinstance(rule, TiteBoin):
        yield (
            "Subjects still in the window are counted, and the share is raised by the DLTs that"
            " what is left of their windows may bring. Enrolment waits while more than half at the"
            " dose are pending, unless the DLTs seen alone call for de-escalation."
        )
    if isinstance(rule, BfBoin):
        yield (
            "Lower doses at which a response was seen may be filled meanwhile, up to"
            f" {rule.n_cap} subjects each. Where a lower dose calls for a more cautious step than"
            " the current one, the doses from there up are counted together."
        )


def _target_interval(rule: TargetInterval) -> str:
    low, high = (f"{float(end):g}" for end in rule.interval)
    match rule:
        case I3Plus3():
            return (
                "The share of the evaluable subjects at the current dose who have a DLT decides:"
                f" below {low} the dose is escalated, from {low} to {high} it stays. Above, it"
                f" stays if one DLT fewer would be below {low}, and is de-escalated otherwise."
            )
        case Mtpi():
            pieces = f"three pieces, cut at {low} and {high}"
        case Mtpi2():
            pieces = f"pieces as long as that from {low} to {high}; the outermost may be shorter"
        case Keyboard():
            pieces = f"pieces as long as that from {low} to {high}; shorter ends are left out"
        case _:
            return f"The target interval of the DLT rate is {low} to {high}."
    return (
        f"The possible DLT rates are divided into {pieces}. The piece that is most probable for its"
        f" length, by what was seen at the current dose, decides: below {low} the dose is"
        f" escalated, from {low} to {high} it stays, above {high} it is de-escalated."
    )


def _closing(rule: IntervalDesign) -> Iterator[str]:
    if not isinstance(rule, Table):
        yield (
            f"Once {rule.n_eli} subjects are evaluable at a dose and the probability that its DLT"
            f" rate is above {rule.target:g} exceeds {rule.cutoff_eli:g}, the dose and all above it"
            " are closed; if it is the lowest, the trial stops."
        )
    if isinstance(rule, Boin) and rule.extrasafe:
        yield f"At the lowest dose {rule.cutoff_eli - rule.offset:g} is enough."
    yield (
        "The MTD is the dose whose DLT rate, made to rise with the dose, is nearest to"
        f" {rule.target:g}."
    )
