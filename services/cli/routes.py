"""`vigil route test`: who would be told of a signal, how and when, before anybody has to be."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from services.cli.output import BAD, USAGE, AsJson, fail, out, read_text, say_json, say_lines
from shared.contracts.signals import SignalType

if TYPE_CHECKING:
    from services.notifier.routing import Forecast, Routing

commands = typer.Typer(help="Work with routing documents.", no_args_is_help=True)


@commands.command("test")
def who_is_told_of(
    file: Annotated[Path, typer.Argument(help="The routing document (YAML).")],
    type: Annotated[str, typer.Option(help="Signal type, for example dose.exceeded.")],
    severity: Annotated[str, typer.Option(help="info, notice, warning, urgent or critical.")],
    dose_level: Annotated[int | None, typer.Option(help="Dose level, if it has one.")] = None,
    cohort: Annotated[str | None, typer.Option(help="Cohort, if it is known.")] = None,
    site: Annotated[str | None, typer.Option(help="Site (SITEID), if it is known.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When, as 2026-12-24T22:00+01:00; now by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who would be told of such a signal, how and when, if nobody acknowledges it. Sends
    nothing."""
    from services.notifier.routing import SEVERITIES, Occasion, forecast, gaps

    try:
        kind = SignalType(type)
    except ValueError:
        fail(f"{type} is no signal type; there are {', '.join(SignalType)}", USAGE)
    if severity not in SEVERITIES:
        fail(f"{severity} is no severity; there are {', '.join(SEVERITIES)}", USAGE)
    moment = _moment(at)
    routing = _routing(file, as_json)
    asked = Occasion(
        type=kind, severity=severity, at=moment, dose_level=dose_level, cohort=cohort, site=site
    )
    found = forecast(routing, asked)
    if as_json:
        say_json(asdict(found))
    else:
        _show(found, gaps(routing, moment))
    if not found.tellings[0].told:
        raise typer.Exit(BAD)


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text} is no moment; write it as 2026-12-24T22:00+01:00", USAGE)
    if moment.tzinfo is None:
        fail(f"{text} has no offset from UTC; write it as {text}+01:00", USAGE)
    return moment.astimezone(UTC)


def _routing(file: Path, as_json: bool) -> Routing:
    from services.notifier.routing import DocumentError, load_routing

    try:
        return load_routing(read_text(file, "the routing"))
    except DocumentError as refused:
        if as_json:
            say_json({"ok": False, "findings": [asdict(found) for found in refused.findings]})
        else:
            say_lines(
                f"{file}:{found.line}: {found.problem} ({found.remedy})"
                for found in refused.findings
            )
        raise typer.Exit(BAD) from None


def _show(found: Forecast, doubts: tuple[str, ...]) -> None:
    table = Table("When", "Subscriber", "Channel", "Why")
    for telling in found.tellings:
        when = f"after {_spelled(telling.after)}" if telling.after else "at once"
        for one in telling.told:
            table.add_row(when, one.subscriber, one.channel, one.why)
    if table.row_count:
        out.print(table)
    if not found.tellings[0].told:
        say_lines(["nobody outside; it is in the inbox of every medical monitor of the study"])
    say_lines(
        f"{channel} says {', '.join(('study', 'severity', 'link', *details))}"
        + ("" if details else ", and nothing else")
        for channel, details in found.details.items()
    )
    if found.again_every is not None:
        say_lines([f"then everybody again every {_spelled(found.again_every)}, until acknowledged"])
    say_lines(f"note: {doubt}" for doubt in (*found.warnings, *doubts))


def _spelled(duration: timedelta) -> str:
    """A duration as a routing writes it, in the largest unit that divides it: 90m, 2h, 1d."""
    for unit, letter in ((timedelta(days=1), "d"), (timedelta(hours=1), "h")):
        if not duration % unit:
            return f"{duration // unit}{letter}"
    return f"{duration // timedelta(minutes=1)}m"
