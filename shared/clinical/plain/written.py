"""The document again as strict YAML, with every default written out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from shared.clinical.criteria import Condition, Exemption, Improvement, Part
from shared.clinical.protocol import Protocol
from shared.clinical.protocol.design import Design
from shared.document import write_yaml


def written_out(protocol: Protocol) -> str:
    """Strict YAML that loads to the same protocol. A word that says nothing where it stands (a
    length not asked for, an order without a clock) is left out: it has no default to know."""
    return write_yaml({name: spelled(getattr(protocol, name)) for name in Protocol.model_fields})


def spelled(value: Any) -> Any:
    """A value of the document as plain data, defaults included."""
    if isinstance(value, Design):
        return _design(value)
    if isinstance(value, Part):
        return {
            field.alias or name: spelled(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if not _idle(value, name)
        }
    if isinstance(value, BaseModel):
        return spelled(value.model_dump(exclude_none=True))
    if isinstance(value, dict):
        return {key: spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(one) for one in value]
    return value


def _design(design: Design) -> dict[str, Any]:
    """The design with the defaults of its kind; the short form as it is."""
    if design.three_plus_three is not None:
        return {"three_plus_three": spelled(design.three_plus_three)}
    size = {} if design.cohort_size is None else {"cohort_size": design.cohort_size}
    of_kind = design.rule.model_dump(exclude_none=True)
    return {"kind": design.kind, "start_level": design.start_level, **size, **spelled(of_kind)}


def _idle(part: Part, name: str) -> bool:
    """Whether a word has no meaning where it stands."""
    value = getattr(part, name)
    if value in (None, (), {}) or value is False:
        default = type(part).model_fields[name].get_default(call_default_factory=True)
        return bool(value == default)
    if isinstance(part, Condition):
        judged = part.judgement or part.qualifier or part.despite
        timed = part.within_days is not None or part.within_hours is not None
        return (name == "role" and not judged) or (name == "order" and not timed)
    if isinstance(part, Exemption) and name == "role":
        return part.judgement is None
    if isinstance(part, Improvement) and name == "since":
        return part.within_days is None and part.within_hours is None
    return False
