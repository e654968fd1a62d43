"""The ``response:`` section: which tumour assessments are a response, and when there is none."""

from __future__ import annotations

from pydantic import Field

from shared.clinical.criteria import Part, Words


class Response(Part):
    """Records of the ``testcds`` that say one of ``responders`` are a response; with
    ``confirmed_after_days``, only once a second one follows no sooner. Without one a subject is
    final after ``progression``, after leaving the study or dying, or by an assessment made
    ``final_after_days`` or more after the first dose (RECIST 1.1, Eur J Cancer 2009;45:228-247)."""

    testcds: Words = Field(default=("OVRLRESP",), min_length=1)
    responders: Words = Field(default=("CR", "PR"), min_length=1)
    progression: Words = ("PD",)
    confirmed_after_days: int | None = Field(default=None, ge=1, le=365)
    final_after_days: int | None = Field(default=None, ge=1, le=3650)
