"""The strict JSON reader: every byte from outside passes through here first.

Lenient readers lose safety data: a duplicated key hides a value, ``NaN`` compares false with every
threshold, ``1e999`` becomes infinity. All of these are refused with a JSON Pointer (RFC 6901) to
the place and without echoing the value, which may be health data.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_DEPTH = 16

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")
_ESCAPED_TROUBLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one place of a document; never carries the offending value."""

    pointer: str
    code: str
    detail: str


class Refused(ValueError):
    """The input is not acceptable; ``problems`` says where and why."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.detail}" for p in self.problems))


def refuse(pointer: str, code: str, detail: str) -> NoReturn:
    """Raise `Refused` for a single place."""
    raise Refused([FieldProblem(pointer, code, detail)])


def escape_pointer(token: str | int) -> str:
    """One reference token of a JSON Pointer, escaped as RFC 6901 asks."""
    return str(token).replace("~", "~0").replace("/", "~1")


def read_json(body: bytes, *, max_bytes: int | None = None, max_depth: int = MAX_DEPTH) -> Any:
    """Parse one JSON document strictly.

    Raises `Refused` for: more than ``max_bytes`` bytes, anything but UTF-8, a duplicate key, a
    non-finite number, a NUL or a lone surrogate in a string, nesting deeper than ``max_depth``.
    """
    if max_bytes is not None and len(body) > max_bytes:
        refuse("", "too-large", f"larger than {max_bytes} bytes")
    _check_depth(body, max_depth)
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as error:
        raise Refused([FieldProblem("", "not-utf8", f"byte {error.start} is not UTF-8")]) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused([FieldProblem("", "not-json", f"not JSON at {where}")]) from None
    except Refused:
        raise
    except ValueError:
        raise Refused(
            [FieldProblem("", "number-too-long", "a number has too many digits")]
        ) from None
    if _ESCAPED_TROUBLE.search(body):
        _check_strings(value, "")
    return value


def _check_depth(body: bytes, max_depth: int) -> None:
    """Refuse deep nesting before the recursive parser sees it; brackets in strings do not count."""
    if body.count(b"[") + body.count(b"{") <= max_depth:
        return
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > max_depth:
            refuse("", "too-deep", f"nested deeper than {max_depth} levels")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        refuse("/" + escape_pointer(twice), "duplicate-key", "the same key occurs twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        refuse("", "not-finite", "a number is too large to be represented")
    return number


def _no_constant(name: str) -> NoReturn:
    refuse("", "not-finite", f"{name} is not JSON")


def _check_strings(value: Any, pointer: str) -> None:
    """PostgreSQL stores no NUL and UTF-8 has no lone surrogate: refuse while we can say where."""
    if isinstance(value, str):
        if "\x00" in value:
            refuse(pointer, "nul-character", "a string holds a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in value):
            refuse(pointer, "lone-surrogate", "a string holds half a surrogate pair")
    elif isinstance(value, dict):
        for key, member in value.items():
            _check_strings(key, pointer)
            _check_strings(member, f"{pointer}/{escape_pointer(key)}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            _check_strings(member, f"{pointer}/{index}")
