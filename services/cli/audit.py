"""`vigil audit verify`: every assessment that was ever given out, made again from its facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from services.cli.database import DatabaseUrl, DataDir, command_engine
from services.cli.output import BAD, AsJson, fail, say_json, say_lines
from services.dlt_monitor.audit import verify

commands = typer.Typer(help="Prove what Vigil said.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Prove what Vigil said."""


@commands.command("verify")
def verify_assessments(
    study: Annotated[str | None, typer.Option(help="Only this study.")] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make every stored assessment and answer again; exit code 1 where one does not follow from its
    facts or no longer has its digest."""
    with command_engine(database_url, data_dir) as engine, engine.connect() as conn:
        checked = list(verify(conn, study))
    counted = Counter(one.verdict for one in checked)
    unsound = [one for one in checked if not one.sound]
    if as_json:
        say_json({"checked": counted, "unsound": [asdict(one) for one in unsound]})
    else:
        say_lines(f"{verdict}: {number}" for verdict, number in sorted(counted.items()))
        say_lines(f"{one.verdict}: {one.study} {one.number} {one.digest}" for one in unsound)
    if not checked:
        fail("nothing was said about any such study", BAD)
    if unsound:
        raise typer.Exit(BAD)
