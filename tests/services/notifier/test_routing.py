"""Routing documents are read strictly and applied so that a rule can only add recipients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.routing import (
    SEVERITIES,
    DocumentRefused,
    Finding,
    Routing,
    gaps,
    load_routing,
    who_is_told,
)
from shared.contracts.signals import Severity, SignalType
from tests.services.notifier.support import ROUTING, STUDY

TYPE = SignalType.DLT_CANDIDATE


def _findings(text: str, study: str | None = None) -> tuple[Finding, ...]:
    with pytest.raises(DocumentRefused) as refused:
        load_routing(text, study=study)
    return refused.value.findings


def _told(text: str, severity: Severity, level: int | None = None) -> list[tuple[str, str]]:
    return [
        (told.subscriber, told.why)
        for told in who_is_told(load_routing(text), TYPE, severity, level)
    ]


def test_every_matching_rule_counts() -> None:
    routing = load_routing(ROUTING, study=STUDY)
    assert [
        (t.subscriber, t.channel, t.address, t.why)
        for t in who_is_told(routing, TYPE, "urgent", None)
    ] == [
        ("medical-monitor", "email", "monitor@example.org", "rule everything-to-the-monitor"),
        ("safety-desk", "webhook", "https://desk.example.org/hook", "rule urgent-to-the-desk"),
    ]
    assert _told(ROUTING, "warning") == [("medical-monitor", "rule everything-to-the-monitor")]


def test_a_name_is_told_by_all_its_channels() -> None:
    text = ROUTING.replace("name: safety-desk", "name: medical-monitor").replace(
        "tell: [safety-desk]", "tell: [medical-monitor]"
    )
    told = who_is_told(load_routing(text), TYPE, "info", 1)
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
    told = who_is_told(load_routing(text), kind, "warning", level)
    assert ("safety-desk" in {t.subscriber for t in told}) is matches


FAULTS = [
    ("", 0, "is empty"),
    ("study: [", 1, "node content"),
    (ROUTING + "study: TRIAL-1\n", 15, "occurs twice"),
    (ROUTING + "rulez: []\n", 15, "not permitted"),
    (ROUTING.replace("severities:", "severity:"), 13, "not permitted"),
    (ROUTING.replace("[urgent, critical]", "[fatal]"), 13, "'critical'"),
    (ROUTING.replace("[urgent, critical]", "[]"), 13, "at least 1"),
    (ROUTING + "    types: [dlt]\n", 15, "'death'"),
    (ROUTING.replace("[safety-desk]", "safety-desk"), 14, "tuple"),
    (ROUTING.replace("[safety-desk]", "[nobody]"), 14, "not among the recipients"),
    (ROUTING.replace("    tell: [safety-desk]\n", ""), 12, "required"),
    (ROUTING.replace("urgent-to-the-desk", "everything-to-the-monitor"), 12, "two rules"),
    (ROUTING.replace("name: safety-desk", "name: Dr. Who"), 6, "pattern"),
    (ROUTING.replace("monitor@example.org", "a@b.org, c@d.org"), 5, "not one e-mail"),
    (ROUTING.replace("monitor@example.org", '"a@b.org\\nBcc: c@d.org"'), 5, "not one e-mail"),
    (ROUTING.replace("https://desk.example.org", "ftp://desk.example.org"), 8, "http(s)"),
    (ROUTING.replace("https://desk", "https://user:pw@desk"), 8, "password"),
    (ROUTING.replace("https://desk.example.org/hook", "https://"), 8, "http(s)"),
    (ROUTING.replace("channel: webhook", "channel: sms"), 7, "'email' or 'webhook'"),
    (ROUTING.replace("study:", "study: &all").replace("[safety-desk]", "*all"), 14, "alias"),
    (ROUTING.replace("study: TRIAL-1", "study: !!python/object:os.system x"), 1, "cannot be read"),
    (ROUTING.replace("study: TRIAL-1", "study: !mine x"), 1, "tag"),
    (ROUTING.replace("study: TRIAL-1", "study: 2026-01-01"), 1, "valid string"),
    (ROUTING.replace("study: TRIAL-1", "1: x\nstudy: TRIAL-1"), 1, "not text"),
    (ROUTING.replace("study: TRIAL-1", "<<: {a: 1}\nstudy: TRIAL-1"), 1, "not text"),
    (ROUTING + "# " + "x" * 70_000, 0, "larger"),
    ("study: " + "[" * 3000 + "]" * 3000, 1, "nested"),
    ("a: 1\n---\nb: 2\n", 2, "another document"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "problem"), FAULTS)
def test_a_fault_is_refused_with_its_line_and_a_remedy(text: str, line: int, problem: str) -> None:
    findings = _findings(text)
    assert any(line == f.line and problem in f.problem and f.remedy for f in findings), findings


def test_two_channels_of_a_name_may_not_be_the_same() -> None:
    text = ROUTING.replace("channel: webhook", "channel: email").replace(
        "name: safety-desk", "name: medical-monitor"
    )
    problems = {(f.path, f.problem) for f in _findings(text)}
    assert ("recipients[1]", "occurs twice") in problems


def test_another_studys_routing_is_refused() -> None:
    (finding,) = _findings(ROUTING, study="TRIAL-2")
    assert (finding.line, finding.path) == (1, "study")


def test_gaps_are_named() -> None:
    assert gaps(load_routing(ROUTING)) == ()
    narrow = ROUTING.replace(
        "  - name: everything-to-the-monitor\n", "  - name: only-death\n    types: [death]\n"
    ).replace("[urgent, critical]", "[critical]")
    (only,) = gaps(load_routing(narrow))
    assert only.startswith("no rule tells anybody of urgent signals of: dlt.candidate")
    assert "death" not in only
    by_dose = narrow.replace("types: [death]", "dose_levels: [3]")
    assert "urgent" in gaps(load_routing(by_dose))[0]
    unused = ROUTING.replace("tell: [safety-desk]", "tell: [medical-monitor]")
    assert gaps(load_routing(unused)) == ("no rule tells: safety-desk",)


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
            {"tell": st.lists(st.sampled_from("abc"), min_size=1).map(tuple)},
            optional={
                "severities": st.lists(st.sampled_from(SEVERITIES), min_size=1).map(tuple),
                "types": st.lists(st.sampled_from(list(SignalType)), min_size=1).map(tuple),
                "dose_levels": st.lists(st.integers(0, 3), min_size=1).map(tuple),
            },
        ),
        min_size=2,
        max_size=5,
    ),
)


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
    before = {t.subscriber for t in who_is_told(fewer, kind, severity, level)}
    after = {t.subscriber for t in who_is_told(routing, kind, severity, level)}
    assert before <= after
    assert after - before <= set(routing.rules[-1].tell)
