"""`vigil demo`: a trial that was really run, replayed with synthetic data through all services."""

from __future__ import annotations

import os
import signal as signals
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event, Thread
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from services.cli.output import UNAVAILABLE, USAGE, AsJson, err, fail, out, say_lines
from services.cli.tables import assessment_view
from shared.contracts.signals import Signal
from shared.runtime.scratch import temporary_folder
from shared.runtime.settings import KafkaSettings, Settings
from shared.runtime.telemetry import configure_logging

_STYLES = {"critical": "bold white on red", "urgent": "bold red", "warning": "yellow"}
_QUIET = ("info",)
SITE = ZoneInfo("Asia/Shanghai")


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End by itself when the story is told.")
    ] = False,
    as_json: AsJson = False,
    kafka: Annotated[
        bool,
        typer.Option(
            "--kafka",
            help="Carry the events over a real Kafka: KAFKA_BOOTSTRAP_SERVERS, or one made here.",
        ),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(help="Only write the events to this file, for `vigil replay`; - is stdout."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the page (default: 8000 or free).")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Tell it up to this day only; 2022-12-26 is the day of the hold."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also tell the routine signals (closed windows, queries).")
    ] = False,
) -> None:
    """Replay NCT05301764 with SYNTHETIC data: escalation, DLTs, a hold, and the MTD.

    Starts all services on an empty database, posts the events of 39 made-up subjects in the order
    in which they were known, and tells each signal as it is raised.
    """
    from services.demo.table import FOLDER

    if not FOLDER.is_dir():
        fail(f"the demo's data are not here ({FOLDER}); run it in a checkout", UNAVAILABLE)
    if export is not None:
        _export(export)
        return
    from services.demo import LABEL, STUDY
    from services.demo.people import make_accounts
    from services.demo.replay import steps
    from services.demo.story import DemoFailed, Story, make_keys
    from services.embedded import Embedded
    from shared.runtime.clock import ManualClock

    configure_logging("ERROR")
    last = _day(until)
    moments = [one for one in steps() if last is None or one.at.astimezone(SITE).date() <= last]
    if not moments:
        fail(f"the story begins later than {until}", USAGE)
    clock = ManualClock(moments[0].at)
    with ExitStack() as stack:
        settings = _settings(stack, kafka)
        vigil = stack.enter_context(Embedded(settings, port=port or _free_port(), clock=clock))
        stop = stack.enter_context(_serving(vigil.serve))
        keys = make_keys(vigil.engine)
        if not as_json:
            out.print(Text(f" {STUDY}: {LABEL}. No row is a real patient. ", style="reverse"))
        try:
            with _progress(sum(len(one.events) for one in moments), as_json) as progress:
                tell = _Teller(progress, every=every, silent=as_json)
                assessment = Story(
                    vigil.url, keys, clock, on_progress=tell.progress, on_signal=tell.signal
                ).tell(moments)
        except DemoFailed as failed:
            fail(f"the demo stopped: {failed}")
        if as_json:
            say_lines([assessment.model_dump_json()])
        else:
            out.print(assessment_view(assessment, LABEL))
        if leave:
            return
        err.print(f"\nThe study's page: {vigil.url}/studies/{STUDY}", markup=False)
        err.print("Sign in as one of these synthetic people:")
        for one in make_accounts(vigil.engine):
            err.print(f"  {one.login:<9}{one.password}  {one.name}", markup=False)
        err.print("Ctrl-C ends the demo and removes its data.")
        stop.wait()


class _Teller:
    """Prints the story above the progress bar."""

    def __init__(self, progress: Progress, *, every: bool, silent: bool) -> None:
        self._progress = progress
        self._task = progress.tasks[0].id
        self._every, self._silent = every, silent

    def progress(self, events: int) -> None:
        self._progress.advance(self._task, events)

    def signal(self, raised: Signal) -> None:
        if self._silent or not (self._every or _tells(raised)):
            return
        day = raised.known_at.astimezone(SITE).date()
        line = Text(f"{day}  ")
        line.append(f"{raised.severity:<9}", style=_STYLES.get(raised.severity, ""))
        line.append(f"{raised.type:<23}{raised.text}")
        out.print(line, soft_wrap=True)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fail("--until wants a date, for example 2022-12-26", USAGE)


def _tells(raised: Signal) -> bool:
    """Routine signals and the severe events of the later, expansion part are left out."""
    expansion = raised.type == "toxicity.severe" and (raised.subject or "").startswith("P-")
    return raised.severity not in _QUIET and not expansion


def _progress(total: int, silent: bool) -> Progress:
    bar = Progress(
        TextColumn("events"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        # On the terminal the story is printed on, so that the two do not write over each other.
        console=out if out.is_terminal else err,
        transient=True,
        disable=silent or not (out.is_terminal or err.is_terminal),
    )
    bar.add_task("events", total=total)
    return bar


def _settings(stack: ExitStack, kafka: bool) -> Settings:
    """A new, empty place for this telling; nothing of an installation is touched."""
    folder = stack.enter_context(temporary_folder("vigil-demo-"))
    settings = replace(
        Settings.from_env(), database_url=None, data_dir=folder / "data", clock_file=None
    )
    if not kafka:
        return replace(settings, kafka=None)
    if settings.kafka is not None:
        return settings
    return replace(settings, kafka=_own_kafka(stack, folder / "kafka"))


def _own_kafka(stack: ExitStack, folder: Path) -> KafkaSettings:
    # The broker's launcher belongs to the checkout and is not an installed package.
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    try:
        from deploy.kafka.broker import KafkaCluster, KafkaUnavailable
    except ImportError:
        fail("--kafka needs KAFKA_BOOTSTRAP_SERVERS, or a checkout of the project", UNAVAILABLE)
    try:
        cluster = stack.enter_context(KafkaCluster(folder))
    except KafkaUnavailable as missing:
        fail(f"no Kafka: {missing}", UNAVAILABLE)
    return KafkaSettings(bootstrap_servers=tuple(cluster.bootstrap_servers.split(",")))


@contextmanager
def _serving(serve: Callable[[Event], None]) -> Iterator[Event]:
    """Serve beside the story; the event that is given ends both, as do SIGINT and SIGTERM."""
    stop = Event()
    previous = {
        number: signals.signal(number, lambda *_: _stop(stop))
        for number in (signals.SIGINT, signals.SIGTERM)
    }
    server = Thread(target=serve, args=(stop,), name="vigil-demo")
    server.start()
    try:
        yield stop
    finally:
        stop.set()
        server.join()
        for number, handler in previous.items():
            signals.signal(number, handler)


def _stop(stop: Event) -> None:
    if stop.is_set():
        os._exit(130)
    stop.set()


def _free_port() -> int:
    """The usual port, or any free one where that is taken."""
    return _bindable(8000) or _bindable(0) or fail("no free port on 127.0.0.1", UNAVAILABLE)


def _bindable(wanted: int) -> int | None:
    with socket.socket() as listener, suppress(OSError):
        listener.bind(("127.0.0.1", wanted))
        port: int = listener.getsockname()[1]
        return port
    return None


def _export(target: Path) -> None:
    from services.demo.replay import events, ndjson

    text = ndjson(events())
    if str(target) == "-":
        typer.echo(text, nl=False)
        return
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        fail(f"cannot write {target}: {error.strerror}", UNAVAILABLE)
    err.print(f"{target}: {text.count(chr(10))} synthetic events", markup=False)
