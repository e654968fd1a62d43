"""All commands in one place, and what becomes of an error: a sentence and an exit code."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from psycopg import OperationalError as DriverError
from sqlalchemy.exc import OperationalError, ProgrammingError

from services.cli import demo, doctor, grading, keys, replay, routes, serving
from services.cli.output import UNAVAILABLE, USAGE, Failure, err
from shared.runtime.bus import BusUnavailable, TopicMismatch
from shared.runtime.embedded_postgres import EmbeddedPostgresError
from shared.runtime.settings import SettingsError

app = typer.Typer(
    name="vigil",
    help="Event-driven safety monitoring for dose-escalation oncology trials.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("serve")(serving.serve)
app.command("run")(serving.run)
app.command("migrate")(serving.migrate)
app.add_typer(replay.protocol_commands, name="protocol")
app.command("replay")(replay.replay)
app.command("grade")(grading.grade_results)
app.add_typer(keys.commands, name="keys")
app.add_typer(routes.commands, name="route")
app.command("doctor")(doctor.doctor)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no traceback for what a person can mend."""
    try:
        app(list(arguments), prog_name="vigil")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Failure as failure:
        return _say(str(failure), failure.code)
    except KeyboardInterrupt:
        return _say("stopped", 130)
    except SettingsError as wrong:
        return _say(f"a setting is wrong: {wrong}", USAGE)
    except EmbeddedPostgresError as wrong:
        return _say(f"the embedded PostgreSQL cannot run: {wrong}", UNAVAILABLE)
    except (BusUnavailable, TopicMismatch) as wrong:
        return _say(f"the event log: {wrong}", UNAVAILABLE)
    except (OperationalError, DriverError) as wrong:
        reason = getattr(wrong, "orig", wrong)
        return _say(f"the database: {str(reason).strip()} (is DATABASE_URL right?)", UNAVAILABLE)
    except ProgrammingError as wrong:
        first = str(wrong.orig).splitlines()[0]
        return _say(f"the database: {first} (has vigil migrate been run?)", UNAVAILABLE)
    return 0


def _say(text: str, code: int) -> int:
    err.print(f"vigil: {text}", markup=False)
    return code
