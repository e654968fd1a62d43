"""Term groups a study may take by name instead of listing their terms.

``{default: bleeding, also: [Hemoptysis], without: [Hematuria]}`` becomes the explicit list of the
pinned CTCAE version while the document is loaded, and `vigil protocol show` writes it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from shared.clinical.criteria import Part, Words
from shared.document import build, read_yaml


class DefaultGroup(Part):
    """A shipped group of the pinned CTCAE version, with terms added and taken away."""

    default: str
    also: Words = ()
    without: Words = ()


class _Group(Part):
    about: str
    terms: dict[str, Words]


class _Groups(Part):
    groups: dict[str, _Group]


@cache
def default_groups() -> Mapping[str, Mapping[str, Words]]:
    """The shipped groups: name, CTCAE version, terms."""
    text = Path(__file__).with_name("term_groups.yaml").read_text("utf-8")
    return {name: group.terms for name, group in build(read_yaml(text), _Groups).groups.items()}


def _listed(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, dict):
        return value
    asked = DefaultGroup.model_validate(value)
    groups = default_groups()
    if asked.default not in groups:
        raise ValueError(f"no such default group: there are {', '.join(groups)}")
    terms = groups[asked.default].get(info.data.get("ctcae", ""), ())
    foreign = [term for term in asked.without if terms and term not in terms]
    if foreign:
        raise ValueError(f"without: {', '.join(foreign)} is not in the default group")
    return (*(term for term in terms if term not in asked.without), *asked.also)


TermGroup = Annotated[Words, BeforeValidator(_listed, json_schema_input_type=Words | DefaultGroup)]
"""An explicit list of terms, or a `DefaultGroup` that becomes one."""
