"""What the strict reader refuses before it builds anything; its callers' tests hold the rest."""

from __future__ import annotations

import pytest

from shared.document import MAX_DEPTH, MAX_PARTS, DocumentError, Finding, read_yaml


def _only(text: str, **limits: int) -> Finding:
    with pytest.raises(DocumentError) as refused:
        read_yaml(text, **limits)
    (finding,) = refused.value.findings
    return finding


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_and_not_recursed_into(opening: str) -> None:
    """Composing this would end the process with a segmentation fault."""
    assert "deep" in _only(opening * 100_000).problem


def test_nesting_up_to_the_limit_is_read() -> None:
    assert read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).value
    assert "deep" in _only("a: 1\nb: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH).problem


def test_the_size_is_counted_in_bytes() -> None:
    assert read_yaml("µ" * 50, max_bytes=100).value == "µ" * 50
    assert "larger than 99 bytes" in _only("µ" * 50, max_bytes=99).problem


@pytest.mark.parametrize("line", ["- x\n", "k: 1\n", "- !!python/name:os.system\n", "---\n"])
def test_a_document_of_countless_parts_is_not_read_to_its_end(line: str) -> None:
    assert f"more than {MAX_PARTS}" in _only(line * (MAX_PARTS + 1)).problem


def test_as_many_parts_as_the_limit_are_read() -> None:
    # Beside the items: the beginnings and ends of the stream, the document and the list; the last
    # event is number MAX_PARTS where counting begins with 0.
    most = MAX_PARTS - 5
    assert len(read_yaml("- x\n" * most).value) == most
    assert "more than" in _only("- x\n" * (most + 1)).problem


def test_an_alias_is_not_followed() -> None:
    assert "alias" in _only("a: &x [1]\nb: *x").problem
