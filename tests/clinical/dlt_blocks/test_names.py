"""Which recorded treatments a name stands for, and which are asked about."""

from __future__ import annotations

import pytest

from shared.clinical.blocks.names import is_named, sounds_like
from tests.clinical.dlt_blocks.support import Subject


@pytest.mark.parametrize(
    ("name", "recorded", "named", "alike"),
    [
        ("PLATELETS", "PLATELETS", True, True),
        ("PLATELETS", "Platelet apheresis", True, True),
        ("PLATELETS", "platelet-concentrate, pooled", True, True),
        ("Platelet concentrate", "PLATELETS CONCENTRATES", True, True),
        ("Platelet concentrate", "Platelets", False, True),
        ("RED BLOOD CELLS", "Packed red cells", False, True),
        ("FILGRASTIM", "Pegfilgrastim", True, True),
        ("PREDNISONE", "Prednisolone", False, False),
        ("G-CSF", "GCSF", False, True),
        ("G-CSF", "Penicillin G", False, False),
        ("THERAPIES", "Fluid therapy", True, True),
        ("APHERESIS", "Apheres", False, False),
        ("ABSCESS", "abscesses drained", True, True),
    ],
)
def test_a_name_stands_for_what_it_is_part_of(
    name: str, recorded: str, named: bool, alike: bool
) -> None:
    assert is_named([name], recorded) is named
    assert sounds_like([name], recorded) is alike


@pytest.mark.parametrize(
    ("recorded", "category", "result"),
    [
        ("Platelet apheresis", "transfusion", "met"),
        ("Platelet apheresis", None, "met"),
        ("Concentrate of thrombocytes", "transfusion", "open"),
        ("Concentrate of thrombocytes", "other", "not_met"),
        ("Packed red cells", "transfusion", "not_met"),
    ],
)
def test_what_shares_a_word_is_asked_about(
    recorded: str, category: str | None, result: str
) -> None:
    subject = Subject(
        "toxicity: {terms: [Platelet count decreased], grade: 3}\n"
        "only_if: [{treatment: {category: transfusion, names: [PLATELETS, PLATELET CONCENTRATE]}}]"
    )
    subject.value("PLAT", "30", 5)
    subject.value("PLAT", "90", 8)
    subject.care(category, recorded, 6, 6)  # type: ignore[arg-type]
    subject.all_entered(10)
    assert subject.result(10) == result
    asked = any(f"whether {recorded} is what the criterion means" in q for q in subject.asked(10))
    assert asked is (result == "open")
