"""Reads YAML so that nothing in it is silently ignored or silently something else.

A misplaced or doubled key in a routing document would mean that somebody is not told. Hence: no
duplicate keys, no anchors, no tags, and every finding names its line and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

_REMEDIES = {
    "extra_forbidden": "remove it, or correct its spelling",
    "missing": "add it",
    "literal_error": "use one of the words listed",
    "enum": "use one of the words listed",
    "string_type": "write text; put quotes around a number, a date or yes/no",
    "bool_type": "write true or false",
    "int_type": "write a whole number without quotes",
    "tuple_type": "write a list: [a, b] or lines that begin with a hyphen",
    "model_type": "write a mapping of keys and values",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with one place of a document. `line` counts from 1; 0 is the whole."""

    line: int
    path: str
    problem: str
    remedy: str


class DocumentRefused(ValueError):
    """The document cannot be used; `findings` says where, why and what to do."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(
            "; ".join(f"line {f.line}: {f.path or 'document'}: {f.problem}" for f in self.findings)
        )


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document that still knows on which line each of its places stands."""

    value: Any
    lines: dict[Path, int]

    def finding(self, path: Path, problem: str, remedy: str) -> Finding:
        """A finding at `path`, on the line of the nearest place that exists."""
        known = path
        while known not in self.lines:
            known = known[:-1]
        return Finding(self.lines[known], pointer(path), problem, remedy)

    def as_model(self, model: type[M]) -> M:
        """The document as a strict model. Raises DocumentRefused with every finding."""
        try:
            return model.model_validate(self.value)
        except ValidationError as error:
            raise DocumentRefused(
                self.finding(
                    item["loc"],
                    item["msg"].removeprefix("Value error, "),
                    _REMEDIES.get(item["type"], "see the description of this document"),
                )
                for item in error.errors(include_url=False, include_input=False)
            ) from None


def pointer(path: Path) -> str:
    """The place as a person writes it: ``rules[0].tell``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_document(text: str) -> Document:
    """Parse one YAML document. Raises DocumentRefused with the line and a remedy."""
    if len(text.encode()) > MAX_BYTES:
        _refuse(0, f"larger than {MAX_BYTES} bytes", "split the study's routing into fewer rules")
    try:
        _check_structure(text)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            _refuse(0, "is empty", "write the routing")
        lines: dict[Path, int] = {}
        return Document(_value(loader, node, (), lines), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is not YAML"
        _refuse(mark.line + 1 if mark else 0, problem, "correct the YAML on this line")


def _check_structure(text: str) -> None:
    """Stops at the first alias or at deep nesting, before any of it is built."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            _refuse(line, "is an alias (*name)", "write the value out where it is used")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            _refuse(line, "is nested too deeply", "flatten it")


def _value(loader: yaml.SafeLoader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    lines[path] = line = node.start_mark.line + 1
    if node.tag.startswith("!"):
        _refuse(line, "holds a YAML tag", "remove the tag", path)
    if isinstance(node, yaml.SequenceNode):
        return tuple(
            _value(loader, item, (*path, index), lines) for index, item in enumerate(node.value)
        )
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, lines)
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        _refuse(line, "cannot be read", "put quotes around it", path)


def _mapping(
    loader: yaml.SafeLoader, node: yaml.MappingNode, path: Path, lines: dict[Path, int]
) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _value(loader, key_node, (*path, ""), {}) if _is_word(key_node) else None
        if not isinstance(key, str):
            _refuse(line, "has a key that is not text", "write the key as a word", path)
        place = (*path, key)
        if key in members:
            _refuse(line, "occurs twice", "keep one of the two", place)
        members[key] = _value(loader, value_node, place, lines)
        lines[place] = line
    return members


def _is_word(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str"


def _refuse(line: int, problem: str, remedy: str, path: Path = ()) -> NoReturn:
    raise DocumentRefused([Finding(line, pointer(path), problem, remedy)])
