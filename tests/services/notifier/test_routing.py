"""Routing documents are read strictly and applied so that a rule can only add recipients."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.notifier.routing import (
    SEVERITIES,
    DocumentError,
    Finding,
    Occasion,
    Routing,
    Told,
    gaps,
    load_routing,
    who_is_told,
)
from shared.contracts.signals import Severity, SignalType
from tests.services.notifier.support import ROUTING, STUDY, WHEN

TYPE = SignalType.DLT_CANDIDATE


def _findings(text: str, study: str | None = None) -> tuple[Finding, ...]:
    with pytest.raises(DocumentError) as refused:
        load_routing(text, study=study)
    return refused.value.findings


def _asked(
    routing: Routing, kind: SignalType, severity: Severity, level: int | None, **more: str
) -> tuple[Told, ...]:
    asked = Occasion(type=kind, severity=severity, at=WHEN, dose_level=level, **more)
    return who_is_told(routing, asked).told


def test_every_matching_rule_counts() -> None:
    routing = load_routing(ROUTING, study=STUDY)
    assert [
        (t.subscriber, t.channel, t.address, t.why) for t in _asked(routing, TYPE, "urgent", None)
    ] == [
        ("medical-monitor", "email", "monitor@example.org", "rule everything-to-the-monitor"),
        ("safety-desk", "webhook", "https://desk.example.org/hook", "rule urgent-to-the-desk"),
    ]
    (only,) = _asked(routing, TYPE, "warning", None)
    assert only.why == "rule everything-to-the-monitor"


def test_a_name_is_told_by_all_its_channels() -> None:
    text = ROUTING.replace("name: safety-desk", "name: medical-monitor").replace(
        "tell: [safety-desk]", "tell: [medical-monitor]"
    )
    told = _asked(load_routing(text), TYPE, "info", 1)
    assert [t.channel for t in told] == ["email", "webhook"]


@pytest.mark.parametrize(
    ("condition", "kind", "level", "matches"),
    [
        ("types: [death, sae]", SignalType.DEATH, 1, True),
        ("types: [death, sae]", SignalType.AESI, 1, False),
        ("dose_levels: [3]", TYPE, 2, False),
        ("dose_levels: [3]", TYPE, 3, True),
        ("dose_levels: [3]", TYPE, 4, False),
        ("dose_levels: [3]", TYPE, None, True),
        ("severities: [notice]", TYPE, 3, False),
        ("severities: [warning]", TYPE, 3, True),
        ("severities: [urgent]", TYPE, 3, False),
    ],
)
def test_conditions(condition: str, kind: SignalType, level: int | None, matches: bool) -> None:
    text = ROUTING.replace("severities: [urgent, critical]", condition)
    told = _asked(load_routing(text), kind, "warning", level)
    assert ("safety-desk" in {t.subscriber for t in told}) is matches


@pytest.mark.parametrize(
    ("condition", "known", "matches"),
    [
        ("sites: [S1, S2]", {"site": "S2"}, True),
        ("sites: [S1, S2]", {"site": "S3"}, False),
        ("sites: [S1, S2]", {}, True),
        ("cohorts: [C3]", {"cohort": "C3"}, True),
        ("cohorts: [C3]", {"cohort": "C4", "site": "S1"}, False),
        ("cohorts: [C3]", {"site": "S1"}, True),
    ],
)
def test_an_unknown_site_or_cohort_keeps_nobody_out(
    condition: str, known: dict[str, str], matches: bool
) -> None:
    text = ROUTING.replace("severities: [urgent, critical]", condition)
    told = _asked(load_routing(text), TYPE, "info", 1, **known)
    assert ("safety-desk" in {t.subscriber for t in told}) is matches


def test_rules_within_a_rule_are_asked_only_where_it_holds() -> None:
    text = ROUTING.replace(
        "    tell: [safety-desk]\n",
        "    rules:\n      - {name: deaths, types: [death], tell: [safety-desk]}\n",
    )
    routing = load_routing(text)
    cases: list[tuple[Severity, SignalType, bool]] = [
        ("critical", SignalType.DEATH, True),
        ("critical", SignalType.SAE, False),
        ("info", SignalType.DEATH, False),
    ]
    for severity, kind, reached in cases:
        told = {t.subscriber for t in _asked(routing, kind, severity, 1)}
        assert ("safety-desk" in told) is reached


TREE = ROUTING + "    rules:\n      - {name: deaths, types: [death]}\n"
LADDER = (
    ROUTING
    + """\
ladders:
  - name: urgent
    steps:
      - {after: 15m, tell: repeat}
      - {after: 1h, tell: [safety-desk]}
"""
)
ROSTER = (
    ROUTING
    + """\
rosters:
  - name: duty
    people: [medical-monitor, safety-desk]
    shifts:
      - {people: [medical-monitor], days: [mon], from: 08:00, to: 20:00}
absences:
  - {name: medical-monitor, first: 2026-12-24, last: 2026-12-31}
"""
)
FAULTS = [
    ("", 1, "is empty"),
    ("study: [", 2, "node content"),
    (ROUTING + "study: TRIAL-1\n", 15, "occurs twice"),
    (ROUTING + "rulez: []\n", 15, "not permitted"),
    (ROUTING.replace("severities:", "severity:"), 13, "not permitted"),
    (ROUTING.replace("[urgent, critical]", "[fatal]"), 13, "'critical'"),
    (ROUTING.replace("[urgent, critical]", "[]"), 13, "at least 1"),
    (ROUTING + "    types: [dlt]\n", 15, "'death'"),
    (ROUTING.replace("[safety-desk]", "safety-desk"), 14, "tuple"),
    (ROUTING.replace("[safety-desk]", "[nobody]"), 14, "not among the recipients"),
    (ROUTING + "details: {email: [type, chart]}\n", 15, "shows subjects by their codes"),
    (ROUTING + "details: {webhook: [subject, chart]}\n", 15, "'text'"),
    (ROUTING + "details: {apprise: [subject, chart]}\n", 15, "'text'"),
    (ROUTING.replace("    tell: [safety-desk]\n", ""), 12, "tells nobody"),
    (ROUTING.replace("urgent-to-the-desk", "everything-to-the-monitor"), 12, "two rules"),
    (ROUTING.replace("name: safety-desk", "name: Dr. Who"), 6, "pattern"),
    (ROUTING.replace("name: safety-desk", "name: everyone"), 6, "word of ladders"),
    (ROUTING.replace("monitor@example.org", "a@b.org, c@d.org"), 5, "not one e-mail"),
    (ROUTING.replace("monitor@example.org", '"a@b.org\\nBcc: c@d.org"'), 5, "not one e-mail"),
    (ROUTING.replace("https://desk.example.org", "ftp://desk.example.org"), 8, "http(s)"),
    (ROUTING.replace("https://desk", "https://user:pw@desk"), 8, "password"),
    (ROUTING.replace("https://desk.example.org/hook", "https://"), 8, "http(s)"),
    (ROUTING.replace("channel: webhook", "channel: sms"), 7, "'email', 'webhook'"),
    (ROUTING.replace("study:", "study: &all").replace("[safety-desk]", "*all"), 14, "alias"),
    (ROUTING.replace("study: TRIAL-1", "study: !!python/object:os.system x"), 1, "a tag"),
    (ROUTING.replace("study: TRIAL-1", "study: !mine x"), 1, "a tag"),
    (ROUTING.replace("study: TRIAL-1", "study: 1"), 1, "valid string"),
    (ROUTING.replace("study: TRIAL-1", "1: x\nstudy: TRIAL-1"), 1, "not permitted"),
    (ROUTING.replace("study: TRIAL-1", "<<: {a: 1}\nstudy: TRIAL-1"), 1, "not permitted"),
    (ROUTING + "# " + "x" * 70_000, 1, "larger"),
    ("study: " + "[" * 3000 + "]" * 3000, 1, "nested"),
    ("a: 1\n---\nb: 2\n", 2, "another document"),
    (TREE, 16, "tells nobody"),
    (TREE.replace("types: [death]", "tell: [nobody]"), 16, "not among the recipients"),
    (TREE.replace("deaths", "urgent-to-the-desk, tell: [safety-desk]"), 16, "two rules"),
    (ROUTING + "time_zone: Berlin\n", 15, "time zone"),
    (LADDER.replace("15m", "15"), 18, "15m, 2h or 1d"),
    (LADDER.replace("15m", "0m"), 18, "15m, 2h or 1d"),
    (LADDER.replace("15m", "31d"), 18, "longer than 30 days"),
    (LADDER.replace("15m", "1h"), 19, "not later than the step before"),
    (LADDER.replace("tell: repeat", "tell: loudly"), 18, "'everyone'"),
    (LADDER.replace("[safety-desk]}", "[nobody]}"), 19, "not among the recipients"),
    (ROSTER.replace("from: 08:00", "from: 8"), 19, "time of day"),
    (ROSTER.replace("to: 20:00", "to: 24:00"), 19, "time of day"),
    (ROSTER.replace("[mon]", "[monday]"), 19, "'mon'"),
    (ROSTER.replace("{people: [medical-monitor]", "{people: [nobody]"), 19, "not among"),
    (ROSTER.replace("name: duty", "name: safety-desk"), 16, "something else"),
    (ROSTER.replace("first: 2026-12-24", "first: 24.12.2026"), 21, "write a date"),
    (ROSTER.replace("last: 2026-12-31", "last: 2026-12-23"), 21, "before the first day"),
    (ROUTING + "digest: {severities: [warning], at: 08:00}\n", 15, "'info' or 'notice'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem"), FAULTS)
def test_a_fault_is_refused_with_its_line_and_a_remedy(text: str, line: int, problem: str) -> None:
    findings = _findings(text)
    assert any(line == f.line and problem in f.problem and f.remedy for f in findings), findings


@pytest.mark.parametrize("text", [LADDER, ROSTER, ROUTING + "details: {email: [chart, subject]}\n"])
def test_what_the_faults_are_made_from_is_accepted(text: str) -> None:
    assert load_routing(text).study == STUDY


def test_the_guides_example_leaves_no_gap() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "alerts.md").read_text("utf-8")
    example = guide.split("```yaml\n")[1].split("```")[0]
    assert gaps(load_routing(example, study=STUDY), WHEN) == ()


def test_two_channels_of_a_name_may_not_be_the_same() -> None:
    text = ROUTING.replace("channel: webhook", "channel: email").replace(
        "name: safety-desk", "name: medical-monitor"
    )
    problems = {(f.path, f.problem) for f in _findings(text)}
    assert ("recipients.1", "occurs twice") in problems


def test_another_studys_routing_is_refused() -> None:
    (finding,) = _findings(ROUTING, study="TRIAL-2")
    assert (finding.line, finding.path) == (1, "study")


def _gaps(text: str) -> tuple[str, ...]:
    return gaps(load_routing(text + "ladders: [{name: all}]\n"), WHEN)


def test_gaps_are_named() -> None:
    assert _gaps(ROUTING) == ()
    assert gaps(load_routing(ROUTING), WHEN) == (
        "no ladder: an alert that nobody acknowledges is not chased",
    )
    narrow = ROUTING.replace(
        "  - name: everything-to-the-monitor\n", "  - name: only-death\n    types: [death]\n"
    ).replace("[urgent, critical]", "[critical]")
    (only,) = _gaps(narrow)
    assert only.startswith("no rule tells anybody of urgent signals of: dlt.candidate")
    assert "death" not in only
    by_dose = narrow.replace("types: [death]", "dose_levels: [3]")
    assert "urgent" in _gaps(by_dose)[0]
    by_site = narrow.replace("types: [death]", "sites: [S1]")
    assert "urgent" in _gaps(by_site)[0]
    unused = ROUTING.replace("tell: [safety-desk]", "tell: [medical-monitor]")
    assert _gaps(unused) == ("no rule tells: safety-desk",)


def test_a_ladder_for_some_severities_leaves_a_gap() -> None:
    text = ROUTING + "ladders: [{name: worst, severities: [critical]}]\n"
    assert gaps(load_routing(text), WHEN) == ("no ladder chases urgent alerts of every kind",)


_routings = st.builds(
    lambda rules: Routing.model_validate(
        {
            "study": STUDY,
            "recipients": tuple(
                {"name": n, "channel": "email", "address": f"{n}@example.org"} for n in "abc"
            ),
            "rules": tuple({"name": f"r{i}", **rule} for i, rule in enumerate(rules)),
        }
    ),
    st.lists(
        st.fixed_dictionaries(
            {"tell": st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple)},
            optional={
                "severities": st.lists(st.sampled_from(SEVERITIES), min_size=1, max_size=2).map(
                    tuple
                ),
                "types": st.lists(st.sampled_from(list(SignalType)), min_size=1, max_size=2).map(
                    tuple
                ),
                "dose_levels": st.lists(st.integers(0, 3), min_size=1, max_size=2).map(tuple),
            },
        ),
        min_size=2,
        max_size=4,
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    routing=_routings,
    kind=st.sampled_from(list(SignalType)),
    severity=st.sampled_from(SEVERITIES),
    level=st.none() | st.integers(0, 3),
)
def test_a_rule_never_takes_a_recipient_away(
    routing: Routing, kind: SignalType, severity: Severity, level: int | None
) -> None:
    fewer = routing.model_copy(update={"rules": routing.rules[:-1]})
    before = {t.subscriber for t in _asked(fewer, kind, severity, level)}
    after = {t.subscriber for t in _asked(routing, kind, severity, level)}
    assert before <= after
    assert after - before <= set(routing.rules[-1].tell)
