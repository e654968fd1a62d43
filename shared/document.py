"""Strict YAML: text in, plain values with line numbers out; nothing guessed, nothing ignored.

YAML as commonly read turns ``no`` into false, ``1.10`` into a float and keeps the last of two equal
keys. In a protocol each of these would change a rule without a word, in a routing somebody would
not be told. Here a duplicate key, a tag, an alias or a second document is an error, numbers are
`Decimal`, and only ``true``/``false`` are booleans. What a document may contain is then said by a
pydantic model (`build`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 50
"""The parser is C and recursive: nesting a hundred thousand deep would end the process."""

MAX_PARTS = 20_000
"""Keys, values and brackets: ten times what the fullest protocol has, and read in a second."""

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[+-]?(0|[1-9]\d{0,17})\.\d{1,18}")
_TAGS = frozenset({"str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge"})
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a document: where (1-based line, path), what, and what to do about it."""

    line: int
    path: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.path or 'document'}: {self.problem}; {self.remedy}"


class DocumentError(ValueError):
    """The document is not acceptable; ``findings`` names every line at fault."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: plain values, and the line each path starts on."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of a path, or of its nearest ancestor that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def finding(self, path: Path, problem: str, remedy: str) -> Finding:
        """A fault at a path of this document."""
        return Finding(self.line(path), ".".join(str(part) for part in path), problem, remedy)


def read_yaml(text: str, *, max_bytes: int | None = None) -> Document:
    """Parse strict YAML; raises `DocumentError`."""
    if max_bytes is not None and len(text.encode()) > max_bytes:
        _refuse(1, f"larger than {max_bytes} bytes", "write a shorter one")
    try:
        _check_size(text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(mark.line + 1 if mark else 1, f"not YAML: {error.problem}", "mend the syntax")
    except yaml.YAMLError:
        _refuse(1, "not YAML", "mend the syntax")
    if root is None:
        _refuse(1, "the document is empty", "write one")
    reader = _Reader()
    value = reader.read(root, ())
    if reader.findings:
        raise DocumentError(tuple(reader.findings))
    return Document(value, reader.lines)


def _check_size(text: str) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if number > MAX_PARTS:
            line = event.start_mark.line + 1 if event.start_mark else 1
            _refuse(line, f"more than {MAX_PARTS} keys and values", "write a shorter one")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                _refuse(line, f"nested more than {MAX_DEPTH} deep", "flatten it")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refuse(line: int, problem: str, remedy: str) -> NoReturn:
    raise DocumentError((Finding(line, "", problem, remedy),)) from None


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.findings: list[Finding] = []
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, _line(node))
        if id(node) in self._seen:
            self._fault(path, self.lines[path], "an alias", "write the value out where it is meant")
            return None
        self._seen.add(id(node))
        if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
            self._fault(path, _line(node), "a tag", "write plain values")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        members: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(path, _line(key_node), "a key that is not a word", "use a word as key")
                continue
            key = key_node.value
            here = (*path, key)
            if key in members:
                self._fault(here, _line(key_node), "the key occurs twice", "keep one of the two")
                continue
            self.lines[here] = _line(key_node)
            members[key] = self.read(value_node, here)
        return members

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.style in ('"', "'", "|", ">"):
            return node.value
        text = node.value
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return Decimal(text)
        return text

    def _fault(self, path: Path, line: int, problem: str, remedy: str) -> None:
        where = ".".join(str(part) for part in path)
        self.findings.append(Finding(line, where, problem, remedy))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


class _Writer(yaml.SafeDumper):
    """Quotes exactly the words that `read_yaml` would not read back as words."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Writer.add_representer(
    Decimal, lambda writer, value: writer.represent_scalar("tag:yaml.org,2002:float", f"{value:f}")
)
_Writer.add_representer(float, lambda writer, value: writer.represent_data(Decimal(repr(value))))


def write_yaml(value: Any) -> str:
    """Strict YAML of plain values; `read_yaml` gives them back."""
    text = yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=98)
    assert isinstance(text, str)
    return text


def build(document: Document, model: type[Model]) -> Model:
    """The document as ``model``; raises `DocumentError` with the line of every fault."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        raise DocumentError(
            tuple(
                document.finding(
                    tuple(item["loc"]), item["msg"].removeprefix("Value error, "), _remedy(item)
                )
                for item in error.errors(include_url=False)
            )
        ) from None


def _remedy(item: Any) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        return "remove it or correct its spelling: unknown keys are never ignored"
    if kind == "missing":
        return "add it"
    if kind in ("literal_error", "enum"):
        return f"write one of {item.get('ctx', {}).get('expected', 'the listed words')}"
    return "correct the value"
