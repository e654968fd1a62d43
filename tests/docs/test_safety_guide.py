"""The guide to safety signals: its section loads, and its messages are those that are sent."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

from shared.clinical import load_protocol, standing_signals
from shared.clinical.protocol import Protocol
from tests.clinical.stories import PROTOCOL, Trial

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "safety.md").read_text("utf-8")
(SECTION,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.S)
(MESSAGES,) = re.findall(r"```text\n(.*?)```", GUIDE, re.S)
DOCUMENT = f"{PROTOCOL.read_text('utf-8')}\n{SECTION}"


def protocol() -> Protocol:
    return load_protocol(DOCUMENT)


def test_the_section_says_every_word_there_is() -> None:
    safety = protocol().safety
    assert safety is not None
    assert safety.model_fields_set == set(type(safety).model_fields)
    assert [rule.pairing for rule in safety.hys_law] == ["same_time", "peak_to_peak"]


def test_the_messages_are_those_that_are_sent() -> None:
    trial = Trial(DOCUMENT)
    trial.enrol("1-01")
    trial.event(
        "1-01", "Rash maculo-papular", 3, date(2026, 3, 9), AESER="Y", AESHOSP="Y",
        aware_dtc="2026-03-10T09:00:00+08:00", day_0_dtc="2026-03-11",
        determined_dtc="2026-03-13", known=datetime.fromisoformat("2026-03-11T15:00+08:00"),
    )  # fmt: skip
    signals = standing_signals(trial.assess(datetime.fromisoformat("2026-03-11T16:00+08:00")))
    told = sorted(signal.text for signal in signals if signal.type == "sae")
    assert told == sorted(MESSAGES.splitlines())
