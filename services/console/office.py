"""What the data, audit and administration pages share: parts that may be missing one by one."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from services.console.upstream import (
    Forbidden,
    NotFound,
    Service,
    Unavailable,
    Upstream,
)
from services.console.words import NOT_YOURS

Found = TypeVar("Found")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Part(Generic[Found]):
    """What was found, or the sentence that says why it cannot be shown."""

    found: Found | None
    missing: str | None = None


async def part(asking: Awaitable[Found], nothing: str | None = None) -> Part[Found]:
    """The answer as a part of a page; `nothing` is what to say where there is none yet.

    Raises KeyRefused: then there is no page at all.
    """
    try:
        return Part(await asking)
    except Forbidden:
        return Part(None, NOT_YOURS)
    except NotFound:
        return Part(None, nothing or "There is none.")
    except Unavailable as problem:
        who = {"ingest": "intake"}.get(problem.service, problem.service)
        return Part(None, f"Not known now: the {who} {problem.how}.")


async def get(
    upstream: Upstream,
    service: Service,
    key: str,
    path: str,
    model: type[Model],
    **params: str,
) -> Model:
    """One answer by its contract."""
    return upstream.read(
        service, await upstream.ask(service, "GET", path, key, params=params), model
    )
