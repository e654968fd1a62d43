"""`vigil route test`: who would be told of a signal, before anybody has to be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from services.cli.output import BAD, USAGE, AsJson, fail, out, read_text, say_json, say_lines
from shared.contracts.signals import SignalType

commands = typer.Typer(help="Work with routing documents.", no_args_is_help=True)


@commands.command("test")
def who_is_told_of(
    file: Annotated[Path, typer.Argument(help="The routing document (YAML).")],
    type: Annotated[str, typer.Option(help="Signal type, for example dose.exceeded.")],
    severity: Annotated[str, typer.Option(help="info, notice, warning, urgent or critical.")],
    dose_level: Annotated[int | None, typer.Option(help="Dose level, if it has one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say who would be told of such a signal, by which channel and rule. Sends nothing."""
    from services.notifier.documents import DocumentRefused
    from services.notifier.routing import SEVERITIES, load_routing, who_is_told

    try:
        kind = SignalType(type)
    except ValueError:
        fail(f"{type} is no signal type; there are {', '.join(SignalType)}", USAGE)
    if severity not in SEVERITIES:
        fail(f"{severity} is no severity; there are {', '.join(SEVERITIES)}", USAGE)
    try:
        routing = load_routing(read_text(file, "the routing"))
    except DocumentRefused as refused:
        if as_json:
            say_json({"ok": False, "findings": [asdict(found) for found in refused.findings]})
        else:
            say_lines(
                f"{file}:{found.line}: {found.problem} ({found.remedy})"
                for found in refused.findings
            )
        raise typer.Exit(BAD) from None
    told = who_is_told(routing, type=kind, severity=severity, dose_level=dose_level)
    if as_json:
        say_json(
            [{"subscriber": one.subscriber, "channel": one.channel, "why": one.why} for one in told]
        )
    elif told:
        table = Table("Subscriber", "Channel", "Why")
        for one in told:
            table.add_row(one.subscriber, one.channel, one.why)
        out.print(table)
    else:
        say_lines(["nobody outside; it is in the inbox of every medical monitor of the study"])
    if not told:
        raise typer.Exit(BAD)
