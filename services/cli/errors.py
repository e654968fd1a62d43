"""What an error means to whoever called a command, where a person can mend it."""

from __future__ import annotations

from psycopg import OperationalError as DriverError
from sqlalchemy.exc import OperationalError, ProgrammingError

from services.cli.output import UNAVAILABLE, USAGE
from shared.runtime.bus import BusUnavailable, TopicMismatch
from shared.runtime.embedded_postgres import EmbeddedPostgresError
from shared.runtime.settings import SettingsError


def explained(wrong: Exception) -> tuple[str, int] | None:
    """A sentence and an exit code; None for an error of ours, which keeps its traceback."""
    match wrong:
        case SettingsError():
            return f"a setting is wrong: {wrong}", USAGE
        case EmbeddedPostgresError():
            return f"the embedded PostgreSQL cannot run: {wrong}", UNAVAILABLE
        case BusUnavailable() | TopicMismatch():
            return f"the event log: {wrong}", UNAVAILABLE
        case OperationalError() | DriverError():
            reason = str(getattr(wrong, "orig", wrong)).strip()
            return f"the database: {reason} (is DATABASE_URL right?)", UNAVAILABLE
        case ProgrammingError():
            first = str(wrong.orig).splitlines()[0]
            return f"the database: {first} (has vigil migrate been run?)", UNAVAILABLE
    return None
