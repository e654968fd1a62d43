"""Numbers of a design as they come from JSON or from a strict YAML document."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class Parameters(BaseModel):
    """Base of all parameter models: nothing is converted silently or ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _plain(value: object) -> object:
    """YAML numbers are read as `Decimal`."""
    return float(value) if isinstance(value, Decimal) else value


Number = Annotated[float, BeforeValidator(_plain), Field(allow_inf_nan=False)]
Rate = Annotated[Number, Field(gt=0, lt=1)]


class DesignError(ValueError):
    """A design or a question that can't be used; the message says what to correct."""


def faults_of(error: ValidationError) -> str:
    """A validation error in one line, without the values that were submitted."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{_path(item['loc'])}: {_message(item['msg'])}" for item in faults)


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "design"


def _message(text: str) -> str:
    return text.removeprefix("Value error, ")
