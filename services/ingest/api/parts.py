"""What the routes have in common: the service's parts, made once by the app, and their bodies."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from services.ingest.intake.reading import Reader
from services.ingest.intake.writer import Writer
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.provider_sessions import ProviderSessions
from shared.runtime.sessions import Sessions

PREFIX = "/ingest/v1"


class Body(BaseModel):
    """What is sent or answered as JSON: no field but those stated, and none changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """One service's parts."""

    engine: Engine
    bus: Bus
    clock: Clock
    reader: Reader
    writer: Writer
    sessions: Sessions
    provider: ProviderSessions | None = None
