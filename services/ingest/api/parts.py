"""What the routes work with; made once by the app."""

from dataclasses import dataclass

from sqlalchemy import Engine

from services.ingest.intake.reading import Reader
from services.ingest.intake.writer import Writer
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock
from shared.runtime.provider_sessions import ProviderSessions
from shared.runtime.sessions import Sessions

PREFIX = "/ingest/v1"


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
