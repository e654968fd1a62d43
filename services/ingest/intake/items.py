"""What a request is taken apart into: events that may be recorded, and refusals that must be."""

from dataclasses import dataclass, field

from shared.contracts.envelope import Event
from shared.contracts.reader import FieldProblem
from shared.contracts.receipts import IngestResult


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that is well-formed and that its sender may send."""

    event: Event
    body_hash: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A delivery that is not taken. `study` and `type` only where the sender may know them."""

    status: int
    problems: tuple[FieldProblem, ...]
    body_hash: str
    study: str | None = None
    type: str | None = None
    result: IngestResult = "refused"
    raw: bytes | None = field(default=None, repr=False)


Item = Candidate | Refusal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item, in words that hold nothing of its content but field names."""

    status: int
    result: IngestResult
    receipt: str
    study: str | None
    problems: tuple[FieldProblem, ...] = ()
