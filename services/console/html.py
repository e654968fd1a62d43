"""Turns templates into responses, and sees to what every page of ours has in common.

Everything that reaches a template is escaped. Styles and scripts come from our own two files only;
the policy below makes a browser refuse any other, so markup in a study's data stays text. So do
characters that turn the direction of writing: they would show a number or a sentence backwards.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2
from fastapi import Response
from fastapi.responses import HTMLResponse

from services.console.pieces import Piece, PiecedResponse
from services.console.sessions import Session
from services.console.words import NOT_YOURS, QUERY_KINDS
from shared.charts.blocks import unturned

_HERE = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ASSETS: Mapping[str, bytes] = {
    path.name: path.read_bytes()
    for path in sorted((_HERE / "static").iterdir())
    if path.suffix in _TYPES
}

STUDY_PAGES = (
    ("Board", ""),
    ("Alerts", "/alerts"),
    ("Adjudication", "/adjudication"),
    ("Committee", "/committee"),
    ("Charts", "/charts"),
    ("Data", "/data"),
    ("Audit", "/audit"),
    ("Admin", "/admin"),
)
"""The pages of a study in the order of the navigation, with what follows its address."""

PAGE_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    # Our own forms must say where they come from; nobody else learns an address.
    "Referrer-Policy": "same-origin",
}


_PLACE = f"[{secrets.token_hex(16)}]"
"""Where a kept piece goes. Nobody can know it, so no data can hold it."""
TOKEN = f"[{secrets.token_hex(16)}]"
"""What stands for the token of the session in the forms of a part that is kept."""


def page(template: str, status: int = 200, **values: object) -> Response:
    """A page of ours. Raises jinja2.UndefinedError where a value is missing."""
    return HTMLResponse(_written(template, values), status_code=status, headers=dict(PAGE_HEADERS))


def pieced_page(template: str, pieces: Mapping[str, Piece], **values: object) -> Response:
    """The same, with kept pieces: a template writes each once, as ``{{ pieces.name }}``."""
    places = {name: f"{_PLACE}{name}{_PLACE}" for name in pieces}
    frame = _written(template, {**values, "pieces": places}).split(_PLACE)
    written = (pieces[one] if number % 2 else Piece(one) for number, one in enumerate(frame))
    return PiecedResponse(tuple(written), 200, PAGE_HEADERS)


def piece(template: str, **values: object) -> Piece:
    """A piece that is the same on every page it stands on."""
    return Piece(unturned(part(template, **values)))


def part(template: str, **values: object) -> str:
    """A piece of a page, escaped already: a template writes it with ``| safe``."""
    return _TEMPLATES.get_template(template).render(values)


def with_token(part: str, session: Session) -> str:
    """A part that was written with `TOKEN` in its forms, for a page of a session."""
    return part.replace(TOKEN, session.csrf)


def _written(template: str, values: dict[str, object]) -> str:
    values.setdefault("session", None)
    return unturned(_TEMPLATES.get_template(template).render(values))


def asset_response(name: str) -> Response | None:
    """One of our files. Its address changes with its content, so browsers may keep it."""
    content = ASSETS.get(name)
    if content is None:
        return None
    return Response(
        content,
        media_type=_TYPES[Path(name).suffix],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


def utc(instant: datetime) -> str:
    """To the minute, with the zone said."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def local(instant: datetime, zone: str) -> str:
    """To the minute as clocks in a zone showed it, with their distance from UTC.

    >>> local(datetime(2022, 12, 26, 8, tzinfo=UTC), "Asia/Shanghai")
    '2022-12-26 16:00 UTC+8'
    >>> local(datetime(2022, 12, 26, 8, tzinfo=UTC), "Asia/Kolkata")
    '2022-12-26 13:30 UTC+5:30'
    """
    there = instant.astimezone(ZoneInfo(zone))
    minutes = round((there.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    distance = f"{sign}{hours}" + (f":{rest:02}" if rest else "") if minutes else ""
    return there.strftime("%Y-%m-%d %H:%M UTC") + distance


def past_words(past: str) -> str:
    """What `asking.day_of` made of an address, as it goes on after "as known at"."""
    day, _, minute = past.partition("T")
    return f"{day} {minute[:5]} UTC" if minute else f"the end of {day} (study time)"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _now() -> datetime:
    return datetime.now(UTC)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _plain(value: int | str | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not known" if value is None else str(value)


def _short(digest: str) -> str:
    return digest if len(digest) <= 22 else digest[:19] + "…"


def asset_address(name: str) -> str:
    """Where one of our files is; another address once it has changed."""
    return f"/static/{name}?v={hashlib.sha256(ASSETS[name]).hexdigest()[:12]}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        # A template is part of the program; looking at its file for each card took most of a page.
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        utc=utc,
        local=local,
        iso=_iso,
        words=_words,
        plain=_plain,
        short=_short,
        past_words=past_words,
    )
    environment.globals.update(
        now=_now,
        asset=asset_address,
        not_yours=NOT_YOURS,
        query_kinds=QUERY_KINDS,
        study_pages=STUDY_PAGES,
    )
    return environment


_TEMPLATES = _environment()
