"""What a criterion speaks of, in words: toxicities, measurements, lengths, clocks, treatments."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from shared.clinical.criteria import (
    Condition,
    Despite,
    HeldBy,
    Improvement,
    Lasting,
    Measurement,
    OtherGrade,
    Qualifier,
    Toxicity,
    Treatment,
)
from shared.clinical.plain.words import counted, listed, ordinal

_DOMAINS = {"lab": "laboratory", "vital": "vital sign", "ecg": "ECG"}
_COMPARED = {
    "above": "above",
    "at_least": "at or above",
    "below": "below",
    "at_most": "at or below",
}
_SINCE = {
    "grade": "the day the grade was reached",
    "onset": "the onset of the event at any grade",
    "care": "the start of care for it",
    "first_dose": "the first dose",
    "planned_next_dose": "the planned date of the next dose",
}
_QUALIFIERS: Mapping[Qualifier, str] = {
    "hospitalised": "the subject was hospitalised for it",
    "not_hospitalised": "the subject was not hospitalised for it",
    "serious": "the event is serious",
    "life_threatening": "the event was life-threatening",
    "medically_important": "the event is medically important",
    "isolated": "nothing else was abnormal with it",
    "asymptomatic": "it had no symptoms",
    "symptomatic": "it had symptoms",
    "needs_intervention": "it needed an intervention",
    "needs_no_intervention": "it needed no intervention",
}


def decided_by(role: str) -> str:
    """Who judges."""
    return f"decided by: {role}"


def selection(terms: tuple[str, ...], group: str | None) -> str:
    """Terms by name or a group."""
    return f"the group {group}" if group is not None else listed(terms, "or")


def toxicity(said: Toxicity) -> str:
    """A toxicity with its grade, scale, baseline and length."""
    if said.any_term:
        what = "any toxicity"
    elif said.not_in_group is not None:
        what = f"any toxicity outside the group {said.not_in_group}"
    elif said.group is not None:
        what = f"any toxicity of the group {said.group}"
    else:
        what = listed(said.terms, "or")
    grade = "grade 5" if said.grade == 5 else f"grade {said.grade} or higher"
    scale = f" on the scale {said.scale}" if said.scale else ""
    over = said.grades_over_baseline
    above = f", at least {over} grades above the grade before treatment" if over else ""
    seen = ", as a site reports it and not by measured values" if said.reported_only else ""
    return f"{what} of {grade}{scale}{above}{seen}{length(said)}"


def length(said: Lasting) -> str:
    """How long it must last, with a space or comma before it; empty where nothing is asked."""
    words = []
    if said.for_more_than_days is not None:
        needed = ordinal(said.for_more_than_days + 1)
        words.append(f"for more than {counted(said.for_more_than_days, 'day')} (the {needed} day)")
    if said.for_at_least_days is not None:
        needed = ordinal(said.for_at_least_days)
        words.append(f"for at least {counted(said.for_at_least_days, 'day')} (the {needed} day)")
    if said.for_more_than_hours is not None:
        words.append(f"for more than {counted(said.for_more_than_hours, 'hour')}")
    if said.for_at_least_hours is not None:
        words.append(f"for at least {counted(said.for_at_least_hours, 'hour')}")
    if said.still_on_day is not None:
        words.append(f"begun by study day {said.still_on_day} and not over on it")
    if said.still_at_next_dose:
        words.append("begun by the planned date of the next dose and not over on it")
    return "".join(f", {one}" for one in words)


def measurement(said: Measurement) -> str:
    """A value beyond a limit."""
    name, limit = said.comparison
    cause = f" (cause as reported for {said.reported_as})" if said.reported_as else ""
    what = f"{_DOMAINS[said.domain]} value of {said.testcd}"
    return f"{what} {_COMPARED[name]} {_limit(limit)}{cause}{length(said)}"


def _limit(limit: Mapping[str, Decimal | dict[str, Decimal]]) -> str:
    words = []
    for unit, value in limit.items():
        if isinstance(value, dict):
            side = "above" if unit == "over_baseline" else "below"
            shift = listed(f"{number:f} {inner}" for inner, number in value.items())
            words.append(f"{shift} {side} the value before treatment")
        elif unit == "baseline":
            words.append(f"{value:f} x the value before treatment")
        elif unit in ("uln", "lln"):
            words.append(f"{value:f} x {unit.upper()}")
        else:
            words.append(f"{value:f} {unit}")
    return f"{listed(words, 'or')}, as reported" if len(words) > 1 else words[0]


def treatment(said: Treatment) -> str:
    """A concomitant treatment."""
    names = f" ({listed(said.names, 'or')})" if said.names else ""
    what = f"{said.category.replace('_', ' ')}{names}"
    if not said.given:
        return f"no {what} is given"
    details = []
    for unit, dose in (said.daily_dose_above or {}).items():
        details.append(f"at more than {dose:f} {unit} a day")
    if said.for_more_than_days is not None:
        details.append(f"for more than {counted(said.for_more_than_days, 'day')}")
    if said.for_at_most_hours is not None:
        details.append(f"for at most {counted(said.for_at_most_hours, 'hour')}")
    if said.classes_at_least is not None:
        details.append(f"of at least {said.classes_at_least} classes on one day")
    return " ".join([what, *details, "is given"])


def improvement(said: Improvement) -> str:
    """Back to what, by when."""
    if said.recovers:
        goal = "below what the criterion asks for"
    elif said.by_grades is not None:
        goal = f"by {counted(said.by_grades, 'grade')}"
    elif said.to_grade is None:
        goal = "to the grade before treatment"
    elif said.to_baseline:
        goal = f"to grade {said.to_grade} or the grade before treatment, whichever is higher"
    else:
        goal = f"to grade {said.to_grade} or lower"
    return f"it improves {goal} {_by_when(said)}"


def _by_when(said: Improvement) -> str:
    if said.by_day is not None:
        return f"by the end of study day {said.by_day}"
    if said.by_next_dose:
        return "by the end of the planned date of the next dose"
    if said.within_days is not None:
        return f"within {counted(said.within_days, 'day')} of {_SINCE[said.since]}"
    assert said.within_hours is not None
    return f"within {counted(said.within_hours, 'hour')} of {_SINCE[said.since]}"


def condition(said: Condition) -> str:
    """One thing asked about a toxicity."""
    if said.toxicity is not None:
        return f"{toxicity(said.toxicity)}{_timing(said)}"
    if said.measurement is not None:
        return f"{measurement(said.measurement)}{_timing(said)}"
    if said.treatment is not None:
        return f"{treatment(said.treatment)}{_timing(said)}"
    if said.improves is not None:
        return improvement(said.improves)
    if said.despite is not None:
        return _despite(said.despite, said.role)
    if said.repeated is not None:
        apart = counted(said.repeated.at_least_minutes_apart, "minute")
        within = counted(said.repeated.within_days, "day")
        return f"a second measurement at least {apart} later and within {within} confirms it"
    if said.lasts is not None:
        return f"it lasts{length(said.lasts)}"
    if said.qualifier is not None:
        who = decided_by(said.role)
        return f"{_QUALIFIERS[said.qualifier]} ({who}, where no report says so)"
    return f'"{said.judgement}" ({decided_by(said.role)})'


def _despite(said: Despite, role: str) -> str:
    names = f" ({listed(said.names, 'or')})" if said.names else ""
    hours, days = said.for_at_least_hours, said.for_at_least_days
    long = counted(hours, "hour") if hours is not None else counted(days or 0, "day")
    care = f"{said.category.replace('_', ' ')}{names}"
    judged = (
        f"whether the care was optimal is {decided_by(role)}" if said.optimal else "any care counts"
    )
    return f"it is still there {long} after {care} for it began ({judged})"


def _timing(said: Condition) -> str:
    order = {"either": "before or after", "after": "after", "before": "before"}[said.order]
    if said.within_days is not None:
        return f", beginning within {counted(said.within_days, 'day')} {order} its onset"
    if said.within_hours is not None:
        return f", beginning within {counted(said.within_hours, 'hour')} {order} its onset"
    return ", while it lasts"


def other_grade(said: OtherGrade) -> str:
    """Terms with a grade of their own."""
    return f"{selection(said.terms, said.group)}: grade {said.grade} or higher instead"


def held_by(said: HeldBy) -> str:
    """What keeps the next dose from being given."""
    if said.toxicity is not None:
        return toxicity(said.toxicity)
    assert said.measurement is not None
    return measurement(said.measurement)
