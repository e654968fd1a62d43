"""Measurements the grading tests vary, and what they ask of an answer."""

from __future__ import annotations

from shared.clinical.ctcae import Graded, Measurement, NotGradable, grade

NCI = ("4.03", "5.0", "6.0")
"""NCI's own versions, which these tests are about; a folder may add others."""

PLAT = Measurement("PLAT", "90", "10^9/L", "150", "400")
ALT = Measurement("ALT", "150", "U/L", "5", "40")
CREAT = Measurement("CREAT", "1.6", "mg/dL", "0.6", "1.6")
BILI = Measurement("BILI", "1.0", "mg/dL", "0.2", "1.2")

TERMS = {
    "Alanine aminotransferase increased",
    "Alkaline phosphatase increased",
    "Blood bilirubin increased",
    "Creatinine increased",
    "Hyperkalemia",
    "Neutrophil count decreased",
    "Platelet count decreased",
    "Thrombocytopenia",
}
"""The term meant where an analyte has several."""


def only(
    value: Measurement,
    ctcae: str = "5.0",
    baseline: Measurement | None = None,
    *,
    is_baseline: bool = False,
) -> Graded | NotGradable:
    answers = grade(value, ctcae=ctcae, baseline=baseline, is_baseline=is_baseline)
    (answer,) = [answer for answer in answers if answer.term in TERMS]
    return answer


def bounds(answer: Graded | NotGradable) -> tuple[int, int]:
    return answer.low, answer.high
