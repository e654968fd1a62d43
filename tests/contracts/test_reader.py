"""The strict JSON reader: every refusal, with a pointer and without the value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.reader import MAX_DEPTH, FieldProblem, Refused, escape_pointer, read_json

SECRET = "S1-001-003"


def refusal(body: bytes, **options: int) -> FieldProblem:
    with pytest.raises(Refused) as refused:
        read_json(body, **options)
    (problem,) = refused.value.problems
    return problem


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b"", "not-json", ""),
        (b"{", "not-json", ""),
        (b"{'a': 1}", "not-json", ""),
        (b'{"a": 1,}', "not-json", ""),
        (b'{"a": 1} {"b": 2}', "not-json", ""),
        (b'{"a": "x\x00y"}', "not-json", ""),
        (b'\xef\xbb\xbf{"a": 1}', "not-json", ""),
        (b'{"a": "\xff"}', "not-utf8", ""),
        ('{"a": 1}'.encode("utf-16"), "not-utf8", ""),
        (b'{"a": "\xed\xa0\x80"}', "not-utf8", ""),
        (b'{"a": 1, "a": 1}', "duplicate-key", "/a"),
        (b'{"x": [{"a/b": 1, "a/b": 2}]}', "duplicate-key", "/a~1b"),
        (b'{"a": NaN}', "not-finite", ""),
        (b'{"a": Infinity}', "not-finite", ""),
        (b'{"a": -Infinity}', "not-finite", ""),
        (b'{"a": 1e999}', "not-finite", ""),
        (b'{"a": -1.0E400}', "not-finite", ""),
        (b'{"a": ' + b"9" * 5000 + b"}", "number-too-long", ""),
        (b'{"a": {"b": "x\\u0000"}}', "nul-character", "/a/b"),
        (b'{"a": [1, "\\ud800"]}', "lone-surrogate", "/a/1"),
        (b'{"a~": "\\uDFFF"}', "lone-surrogate", "/a~0"),
        (b'{"a\\u0000": 1}', "nul-character", ""),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too-deep", ""),
        (b'{"a":' * 100_000, "too-deep", ""),
    ],
)
def test_refused(body: bytes, code: str, pointer: str) -> None:
    problem = refusal(body)
    assert (problem.code, problem.pointer) == (code, pointer)


def test_too_large() -> None:
    assert read_json(b'"1234"', max_bytes=6) == "1234"
    assert refusal(b'"12345"', max_bytes=6).code == "too-large"


def test_depth_is_of_brackets_outside_strings() -> None:
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    many = b'{"a": "' + b"[" * 50 + b'", "b": "\\"[[[[", "c": [[1], [2], {}]}'
    assert read_json(many)["c"] == [[1], [2], {}]
    assert refusal(b"[[[]]]" + b" " * 20, max_depth=2).code == "too-deep"


def test_a_surrogate_pair_is_a_character() -> None:
    assert read_json(b'"\\ud834\\udd1e"') == "\U0001d11e"
    assert read_json(b'"\\\\u0000"') == "\\u0000"


@pytest.mark.parametrize(
    "body",
    [
        '{{"{0}": 1, "LBORRES": "{0}",, }}',
        '{{"LBORRES": "{0}\\u0000"}}',
        '{{"a": "{0}", "b": NaN}}',
        '{{"a": "{0}", "a": "{0}"}}',
        '{{"LBORRES": "{0}", "b": 1e999}}',
    ],
)
def test_no_refusal_repeats_a_value(body: str) -> None:
    with pytest.raises(Refused) as refused:
        read_json(body.format(SECRET).encode())
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(refused.value.problems)


def test_pointer_tokens_are_escaped() -> None:
    assert escape_pointer("a/b~c") == "a~1b~0c"
    assert escape_pointer(3) == "3"


SOUND = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | SOUND,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SOUND, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_sound_reads_as_any_reader_reads_it(value: object) -> None:
    assert read_json(json.dumps(value).encode(), max_depth=10_000) == value
    plain = json.dumps(value, ensure_ascii=False, indent=1).encode()
    assert read_json(plain, max_depth=10_000) == value
