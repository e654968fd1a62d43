"""The dictionaries against NCI's own, and every way a report may name a term."""

from __future__ import annotations

from collections import Counter

import pytest

from shared.clinical.ctcae.matching import american, match_term, plain, synonym_document
from shared.clinical.ctcae.terms import (
    OTHER,
    renamed,
    renames,
    successors,
    term_by_code,
    term_of,
    terms,
    versions,
)
from tests.clinical.public_data_support import needs, rows

VERSIONS = ("4.03", "5.0", "6.0")


def reference() -> list[dict[str, str]]:
    return list(rows(needs("reference", "ctcae_terms.csv")))


def means(ctcae: str, *names: str | None, codes: tuple[str | None, ...] = ()) -> tuple[str, str]:
    match = match_term(ctcae, *names, codes=codes)
    return (match.term.name, match.by) if match else ("", "")


# -- the dictionary -------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "number"), [("4.03", 790), ("5.0", 837), ("6.0", 850)])
def test_every_term_of_a_version_with_its_class_code_and_grades(version: str, number: int) -> None:
    expected = {
        (row["term"], row["soc"], row["meddra_llt_code"], frozenset(map(int, row["grades"])))
        for row in reference()
        if row["version"] == version
    }
    found = {(term.name, term.soc, term.meddra_code, term.grades) for term in terms(version)}
    assert found == expected
    assert len(terms(version)) == number


def test_a_code_names_one_term_of_a_version() -> None:
    for version in VERSIONS:
        assert all(term_by_code(version, term.meddra_code) is term for term in terms(version))
    assert term_by_code("5.0", "10000000") is None


# -- renames --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "source", "target", "expected"),
    [
        ("Platelet count decreased", "5.0", "6.0", "Thrombocytopenia"),
        ("Platelet count decreased", "4.03", "6.0", "Thrombocytopenia"),
        ("thrombocytopenia", "6.0", "5.0", "Platelet count decreased"),
        ("Lymphopenia", "6.0", "4.03", "Lymphocyte count decreased"),
        ("Osteonecrosis", "5.0", "4.03", "Avascular necrosis"),
        ("Anemia", "5.0", "6.0", "Anemia"),
        ("CPK increased", "5.0", "6.0", None),
        ("Cardiac troponin I increased", "5.0", "6.0", None),
        ("Rectal hemorrhage", "5.0", "6.0", "Hematochezia"),
        ("Hematochezia", "6.0", "5.0", None),
        ("Encephalitis", "6.0", "5.0", None),
        ("Thrombocytopenia", "5.0", "6.0", None),
    ],
)
def test_what_a_term_is_called_in_another_version(
    name: str, source: str, target: str, expected: str | None
) -> None:
    assert renamed(name, source, target) == expected


def test_where_a_person_must_choose_all_are_named() -> None:
    assert len(successors("5.0", "Hematochezia")) == 4
    assert successors("6.0", "CPK increased") == ("Investigations - Other, specify",)
    assert successors("6.0", "Tired") == ()


def test_an_unknown_version_is_no_empty_dictionary() -> None:
    for ask in (renames, terms, match_term, lambda version: renamed("Anemia", "5.0", version)):
        with pytest.raises(ValueError, match="no CTCAE version 2"):
            ask("2")


def test_renames_join_terms_that_exist_and_never_replace_one() -> None:
    for version in VERSIONS:
        for name, rename in renames(version).items():
            assert term_of(version, name) is None
            assert rename.said_in == {one for one in VERSIONS if term_of(one, name)}
            assert all(term_of(version, new) for new in rename.becomes)


def test_renames_into_6_are_those_of_nci() -> None:
    expected = {
        (row["term"].casefold(), tuple(row["v6_term"].split(" | ")))
        for row in reference()
        if row["version"] != "6.0" and row["v6_term"] and term_of("6.0", row["term"]) is None
    }
    assert {(name, rename.becomes) for name, rename in renames("6.0").items()} == expected


DIVIDED = {"encephalitis", "encephalomyelitis", "candidiasis"}
"""6.0 has these wider than the older term: not every encephalitis is an infection."""


@pytest.mark.parametrize("version", ["4.03", "5.0"])
def test_renames_out_of_6_are_those_of_nci_backwards(version: str) -> None:
    expected: dict[str, set[str]] = {}
    for row in reference():
        new = row["v6_term"]
        single = new and " | " not in new and not new.endswith(OTHER)
        if row["version"] == version and single and term_of(version, new) is None:
            expected.setdefault(new.casefold(), set()).add(row["term"])
    for name, rename in renames(version).items():
        older = {new for new in rename.becomes if not new.endswith(OTHER)}
        assert older == expected.get(name, older)
        assert (len(rename.becomes) > len(older)) == (name in DIVIDED)
    assert set(expected) <= set(renames(version))


# -- what a report says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "said", "expected"),
    [
        ("5.0", "  anemia ", ("Anemia", "term")),
        ("5.0", "Thrombocytopenia", ("Platelet count decreased", "renamed")),
        ("6.0", "Platelet count decreased", ("Thrombocytopenia", "renamed")),
        ("5.0", "ANAEMIA", ("Anemia", "spelling")),
        ("5.0", "Diarrhoea", ("Diarrhea", "spelling")),
        (
            "5.0",
            "Gastrooesophageal reflux disease",
            ("Gastroesophageal reflux disease", "spelling"),
        ),
        ("5.0", "Localised oedema", ("Localized edema", "spelling")),
        ("6.0", "Rectal haemorrhage", ("Hematochezia", "spelling")),
        ("5.0", "Infusion-related reaction", ("Infusion related reaction", "spelling")),
        ("5.0", "Neutropenia", ("Neutrophil count decreased", "synonym")),
        ("5.0", "Neutropaenia", ("Neutrophil count decreased", "synonym")),
        ("5.0", "Febrile neutropaenia", ("Febrile neutropenia", "spelling")),
        ("5.0", "Leucopenia", ("White blood cell decreased", "synonym")),
        ("6.0", "Low platelets", ("Thrombocytopenia", "synonym")),
        ("5.0", "Oedema peripheral", ("Edema limbs", "synonym")),
        ("6.0", "Oedema peripheral", ("Peripheral edema", "synonym")),
        ("6.0", "Blood creatine phosphokinase increased", ("", "")),
        ("4.03", "Blood phosphorus increased", ("", "")),
        ("5.0", "Tired", ("", "")),
        ("5.0", "", ("", "")),
    ],
)
def test_the_term_a_site_means(version: str, said: str, expected: tuple[str, str]) -> None:
    assert means(version, said) == expected


def test_the_decoded_term_comes_before_the_verbatim_one() -> None:
    assert means("5.0", "Anemia", "Fatigue") == ("Anemia", "term")
    assert means("5.0", None, "Fatigue") == ("Fatigue", "term")
    assert means("5.0", "Anaemia", "Neutropenia") == ("Anemia", "spelling")


def test_a_stricter_reading_of_the_verbatim_term_comes_before_a_looser_one() -> None:
    assert means("5.0", "Neutropenia", "Febrile neutropenia") == ("Febrile neutropenia", "term")


def test_a_code_is_read_where_no_name_is_the_dictionary_s_own() -> None:
    platelets = "10035528"
    assert means("5.0", "Low plt", codes=(platelets,)) == (
        "Platelet count decreased",
        "meddra_code",
    )
    assert means("5.0", "Low plt", codes=(None, "0", f" {platelets} "))[1] == "meddra_code"
    assert means("5.0", "Anemia", codes=(platelets,)) == ("Anemia", "term")
    assert means("6.0", "Low plt", codes=(platelets,)) == ("", "")


def test_a_match_says_what_it_rests_on() -> None:
    match = match_term("5.0", None, "Neutropenia")
    assert match is not None
    assert match.said == "Neutropenia"


# -- the table of synonyms ------------------------------------------------------------------------


def test_each_synonym_names_a_term_of_some_version() -> None:
    for entry in synonym_document().synonyms:
        assert any(term_of(version, entry.term) for version in VERSIONS), entry
        for said in entry.said:
            wanted = {renamed(entry.term, one, two) for one in VERSIONS for two in VERSIONS}
            found = {means(version, said)[0] for version in VERSIONS} - {""}
            assert found <= wanted, said


def test_no_synonym_is_ambiguous() -> None:
    said = [american(name) for entry in synonym_document().synonyms for name in entry.said]
    assert [name for name, times in Counter(said).items() if times > 1] == []


def test_no_synonym_hides_a_term_of_another_meaning() -> None:
    for version in versions():
        for entry in synonym_document().synonyms:
            for said in entry.said:
                own = term_of(version, said)
                same = {renamed(entry.term, other, version) for other in VERSIONS}
                assert own is None or own.name in same, said


def test_what_was_left_out_stays_unknown() -> None:
    for entry in synonym_document().not_synonyms:
        assert [means(version, entry.said) for version in VERSIONS] == [("", "")] * 3


def test_no_respelling_makes_one_term_of_two_or_another_of_one() -> None:
    for version in versions():
        spelled = Counter(plain(term.name) for term in terms(version))
        assert [name for name, times in spelled.items() if times > 1] == []
        by_name = {plain(term.name): term for term in terms(version)}
        assert all(by_name.get(american(term.name), term) is term for term in terms(version))


def test_every_respelling_leads_to_a_term() -> None:
    names = [term.name.casefold() for version in VERSIONS for term in terms(version)]
    for respelled in synonym_document().spellings.values():
        assert any(respelled in name for name in names), respelled
