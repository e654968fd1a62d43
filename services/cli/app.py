"""All commands in one place, each imported when it is called, and what becomes of an error: a
sentence and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

from services.cli.output import Failure, err

_COMMANDS = {
    "demo": "demo.demo",
    "serve": "serving.serve",
    "run": "serving.run",
    "migrate": "serving.migrate",
    "protocol": "protocol.commands",
    "replay": "replay.replay",
    "packet": "packet.packet",
    "grade": "grading.grade_results",
    "design": "design.commands",
    "keys": "keys.commands",
    "accounts": "accounts.commands",
    "route": "routes.commands",
    "audit": "audit.commands",
    "doctor": "doctor.doctor",
}
"""Each command or group of commands by the place of its function or app in this package."""


def _app(asked: str) -> typer.Typer:
    """The command line; only one command of it where that is a name."""
    app = typer.Typer(
        name="vigil",
        callback=_vigil,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in [asked] if asked in _COMMANDS else _COMMANDS:
        module, _, name = _COMMANDS[command].partition(".")
        found = getattr(import_module(f"services.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=command)
        else:
            app.command(command)(found)
    return app


def _vigil() -> None:
    """Event-driven safety monitoring for dose-escalation oncology trials."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; no traceback for what a person can mend."""
    try:
        _app(arguments[0] if arguments else "")(list(arguments), prog_name="vigil")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Failure as failure:
        return _say(str(failure), failure.code)
    except KeyboardInterrupt:
        return _say("stopped", 130)
    except Exception as wrong:
        from services.cli.errors import explained  # with it come the database and the event log

        told = explained(wrong)
        if told is None:
            raise
        return _say(*told)
    return 0


def _say(text: str, code: int) -> int:
    err.print(f"vigil: {text}", markup=False)
    return code
