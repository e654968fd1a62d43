"""Receipts: proof of intake (`IngestReceipt`) and proof of delivery (`DeliveryReceipt`)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

IngestResult = Literal[
    "accepted",
    "duplicate",
    "superseded",
    "tombstone",
    "restored",
    "id-reused",
    "revision-conflict",
    "refused",
]


class FieldError(BaseModel):
    """One refused place, for a problem+json body; never the value."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pointer: str
    code: str
    detail: str


class IngestReceipt(BaseModel):
    """What became of one delivery; durable before the answer is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    receipt: str
    study: str
    result: IngestResult
    status: int
    type: str | None
    revision: int | None
    received_at: datetime
    known_at: datetime | None
    body_hash: str
    problems: tuple[FieldError, ...] = ()


class LineResult(BaseModel):
    """The answer to one line of an NDJSON post, in the order of the lines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: int
    status: int
    result: IngestResult
    receipt: str | None
    problem: dict[str, object] | None


class DeliveryReceipt(BaseModel):
    """One step in the life of a delivery, as it travels on ``vigil.receipts.v1``. ``cancelled``: a
    reminder that an acknowledgement made pointless; ``seen``: a person has opened the alert."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: Literal["vigil.receipt.v1"] = "vigil.receipt.v1"
    delivery: str
    alert: str
    study: str
    signal: str
    subscriber: str
    channel: str
    state: Literal["pending", "sent", "failed", "given_up", "cancelled", "seen", "acknowledged"]
    attempt: int
    at: datetime
    answer: str | None
