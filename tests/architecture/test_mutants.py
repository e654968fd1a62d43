"""A wrong turn that the sources no longer offer tries nothing: the list has to follow them."""

from tests.architecture.repository import ROOT
from tests.mutants.__main__ import mutants


def test_every_mutant_still_finds_its_place() -> None:
    lost = [
        one.name for one in mutants() if (ROOT / one.file).read_text("utf-8").count(one.find) != 1
    ]
    assert lost == []


def test_the_tests_that_must_notice_exist() -> None:
    named = {test for one in mutants() for test in one.tests}
    assert [test for test in sorted(named) if not (ROOT / test).exists()] == []
