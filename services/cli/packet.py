"""`vigil packet`: the committee's packet from a running Vigil, or from a file of events."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import httpx2
import typer
from pydantic import ValidationError

from services.cli.output import BAD, UNAVAILABLE, USAGE, fail, say_lines
from services.cli.replay import facts_and_moment
from shared.clinical import Study
from shared.clinical.packet import packet_of
from shared.contracts.packet import Packet

KEY = "VIGIL_KEY"
_REFUSALS: Mapping[int, tuple[str, int]] = {
    401: (f"the key is not valid; set {KEY}", BAD),
    403: ("the key's role may not read this study", BAD),
    404: ("there is no such study for this key", BAD),
    409: ("the study had no protocol then, so nothing could be assessed", BAD),
    422: ("no packet of that moment: give a past date or instant with an offset", USAGE),
}


def packet(
    study: Annotated[
        str, typer.Argument(help="A study of a running Vigil; before EVENTS, its protocol (YAML).")
    ],
    events: Annotated[
        Path | None, typer.Argument(help="CloudEvents, one a line; then no service is asked.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="As known then (date or RFC 3339); else now.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Where to; the name's end says what: .pdf, .html, .json or .csv.")
    ] = Path("packet.pdf"),
    url: Annotated[
        str, typer.Option(envvar="VIGIL_URL", help="Where Vigil is.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Write what a dose meeting reads, as one file; for the same moment always the same bytes.

    The key for a running Vigil is read from the environment (VIGIL_KEY), where no list of processes
    shows it. A .csv holds the adverse event tables alone.
    """
    write = _WRITERS.get(out.suffix)
    if write is None:
        fail(f"--out {out}: the name has to end in {', '.join(_WRITERS)}", USAGE)
    if find_spec("services.console") is None:
        fail("this installation does not contain the console, which writes packets", USAGE)
    found = _asked(url, study, as_of) if events is None else _replayed(Path(study), events, as_of)
    written = write(found)
    try:
        out.write_bytes(written)
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", UNAVAILABLE)
    said = found.assessment
    say_lines([f"{out}: {said.study} as of {said.as_of.isoformat()}, {said.digest}"])


def _replayed(protocol: Path, events: Path, as_of: str | None) -> Packet:
    facts, moment = facts_and_moment(protocol, events, as_of, "--as-of")
    study = Study(facts[0].study)
    try:
        study.add(facts)
        return packet_of(study, study.assess(as_of=moment))
    except ValueError as error:
        fail(f"the events cannot be assessed: {error}")


def _asked(url: str, study: str, as_of: str | None) -> Packet:
    key = os.environ.get(KEY)
    if not key:
        fail(f"set {KEY} to a key that may read the study", USAGE)
    address = f"{url.rstrip('/')}/monitor/v1/studies/{quote(study, safe='')}/packet"
    try:
        response = httpx2.get(
            address,
            params={"known_at": as_of} if as_of else {},
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
    except httpx2.HTTPError:
        fail(f"Vigil does not answer at {url}; give --url, or a protocol and EVENTS", UNAVAILABLE)
    if response.status_code in _REFUSALS:
        fail(*_REFUSALS[response.status_code])
    if not response.is_success:
        fail(f"Vigil answers with an error ({response.status_code})", UNAVAILABLE)
    if response.headers.get("Vigil-Stale") == "true":
        fail("Vigil is behind: a packet made now would lack records; try again", UNAVAILABLE)
    try:
        return Packet.model_validate_json(response.content)
    except ValidationError:
        fail("Vigil answers something this version cannot read", UNAVAILABLE)


def _pdf(found: Packet) -> bytes:
    from services.console.packet import packet_pdf

    return packet_pdf(found)


def _html(found: Packet) -> bytes:
    from services.console.packet import packet_html

    return packet_html(found)


def _csv(found: Packet) -> bytes:
    from services.console.packet import packet_csv

    return packet_csv(found)


def _json(found: Packet) -> bytes:
    return found.model_dump_json(indent=1).encode() + b"\n"


_WRITERS: Mapping[str, Callable[[Packet], bytes]] = {
    ".pdf": _pdf,
    ".html": _html,
    ".json": _json,
    ".csv": _csv,
}
