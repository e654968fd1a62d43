"""The other services, over HTTP, with the signed-in person's own key.

An answer is believed only if it can be read by the contract; everything else raises. Nothing here
turns "no answer" into "nothing there": the pages must be able to say what is not known.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ValidationError

from services.console.answers import (
    Alert,
    Alerts,
    Assessed,
    Inbox,
    Raised,
    Signals,
    Studies,
    StudyEntry,
)
from services.console.kept import Kept
from services.console.settings import ConsoleSettings
from shared.contracts.assessment import Assessment
from shared.contracts.packet import Packet, StudyOutlook
from shared.contracts.signals import Signal

Service = Literal["monitor", "notifier", "ingest"]
Model = TypeVar("Model", bound=BaseModel)

MOST_PAGES = 100
MOST_REMEMBERED = 16
"""Studies whose signals and alerts, and questions whose assessment, need not be read again."""
NOT_MODIFIED = 304
LONG_TIMEOUT = 60.0
"""Seconds for what the monitor works out from every fact of the study: just after its start it has
to read them all first."""

BEHIND = "behind"
"""A heartbeat of the notifier which says that it is not looking at the record of alerts."""

STILL_READING = b"urn:vigil:problem:still-reading"


class UpstreamError(Exception):
    """A service did not give what was asked for."""


class Unavailable(UpstreamError):
    """No usable answer. `how` completes "the monitor …"; `since` is its last usable answer."""

    def __init__(self, service: Service, how: str, since: datetime | None) -> None:
        super().__init__(f"the {service} {how}")
        self.service = service
        self.how = how
        self.since = since


class StillReading(Unavailable):
    """A monitor that has begun lately: everything but the assessment has to wait."""


class KeyRefused(UpstreamError):
    """The API key is not, or no longer, valid."""


class Forbidden(UpstreamError):
    """The key's role does not allow this."""


class NotFound(UpstreamError):
    """No such thing, or none that this key may see."""


class Conflict(UpstreamError):
    """The state of things does not allow it: no protocol yet, or an alert that has changed."""


class TooManyTries(UpstreamError):
    """A password was given wrongly too often; after some time it may be tried again."""


class Refused(UpstreamError):
    """The question itself is not acceptable: a day in the future, for example."""


_REFUSALS: Mapping[int, type[UpstreamError]] = {
    401: KeyRefused,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Refused,
    429: TooManyTries,
}


@dataclass(frozen=True, slots=True)
class Unread(Generic[Model]):
    """An answer by the digest of its bytes: who has made of these what is wanted need not read
    them. ``read`` raises Unavailable."""

    source: bytes
    read: Callable[[], Model]


@dataclass(frozen=True, slots=True)
class _Known(Generic[Model]):
    """An answer that has been read, by the digest of its bytes and the name its service gave it,
    None where it gives none."""

    source: bytes
    tag: str | None
    read: Model


class Upstream:
    """One HTTP client for all pages, made inside the running event loop on first use.

    Every method raises UpstreamError's subclasses and nothing else.
    """

    def __init__(self, settings: ConsoleSettings) -> None:
        self._base: Mapping[Service, str] = {
            "monitor": settings.monitor_url,
            "notifier": settings.notifier_url,
            "ingest": settings.ingest_url,
        }
        self._timeout, self.beside_timeout = settings.timeout, settings.beside_timeout
        self._stream_quiet = settings.stream_quiet
        self._answered: dict[Service, datetime] = {}
        self._signals: Kept[Raised] = Kept(MOST_REMEMBERED)
        self._assessments: Kept[_Known[Assessment]] = Kept(MOST_REMEMBERED)
        self._alerts: Kept[_Known[Alerts]] = Kept(MOST_REMEMBERED)
        self._client: httpx2.AsyncClient | None = None
        self._closed = False

    async def studies(self, key: str) -> tuple[StudyEntry, ...]:
        """The studies this key may see."""
        response = await self.ask("monitor", "GET", "/monitor/v1/studies", key)
        return self.read("monitor", response, Studies).studies

    async def assessment(self, key: str, study: str, known_at: str | None) -> Assessed:
        """`known_at`: a bare date, meaning its end in the study's time zone; None means now."""
        path = f"/monitor/v1/studies/{quote(study, safe='')}/assessment"
        params = {"known_at": known_at} if known_at else {}
        question = self._assessments, (study, known_at)
        known, response = await self._known("monitor", path, key, params, question, Assessment)
        return Assessed(known.read, is_stale(response), known.source)

    async def packet(self, key: str, study: str, known_at: str | None) -> Unread[Packet]:
        """The committee's packet, large and not read yet; `known_at` as for an assessment.
        Unavailable while the monitor is behind: on paper nothing would say any longer that records
        are missing."""
        path = f"/monitor/v1/studies/{quote(study, safe='')}/packet"
        params = {"known_at": known_at} if known_at else {}
        response = await self.ask("monitor", "GET", path, key, params=params, seconds=LONG_TIMEOUT)
        if is_stale(response):
            raise self.unavailable("monitor", "is behind, so a packet would lack records")
        return Unread(source_of(response), partial(self.read, "monitor", response, Packet))

    async def outlook(self, key: str, study: str, known_at: str | None) -> StudyOutlook:
        """What the pending can still change, and the design's table; `known_at` as for an
        assessment."""
        path = f"/monitor/v1/studies/{quote(study, safe='')}/outlook"
        params = {"known_at": known_at} if known_at else {}
        response = await self.ask("monitor", "GET", path, key, params=params, seconds=LONG_TIMEOUT)
        return self.read("monitor", response, StudyOutlook)

    async def signals(self, key: str, study: str) -> Raised:
        """Every signal of the study, oldest first.

        A signal never changes, so those already read are remembered, and only those after them are
        asked for: with the last one known, to see that it is still the same list. Whoever may not
        see them gets no answer at all.
        """
        known = self._signals.find(study) or Raised((), b"")
        found, source = await self._signals_after(key, study, max(len(known.signals) - 1, 0))
        if known.signals and found[:1] != known.signals[-1:]:
            known = Raised((), b"")
            found, source = await self._signals_after(key, study, 0)
        if known.signals and len(found) == 1:
            return known
        together = hashlib.sha256(known.source + source).digest()
        return self._signals.keep(study, Raised((*known.signals[:-1], *found), together))

    async def _signals_after(
        self, key: str, study: str, number: int
    ) -> tuple[tuple[Signal, ...], bytes]:
        found: list[Signal] = []
        source = hashlib.sha256()
        path = f"/monitor/v1/studies/{quote(study, safe='')}/signals"
        params = {"after": str(number)}
        for _ in range(MOST_PAGES):
            response = await self.ask("monitor", "GET", path, key, params=params)
            page = self.read("monitor", response, Signals)
            source.update(response.content)
            found += page.signals
            if page.next is None:
                return tuple(found), source.digest()
            params = {"after": page.next}
        raise self.unavailable("monitor", "has more signals than a page can show")

    async def alerts(self, key: str, study: str, *, beside: bool = True) -> Inbox:
        """Every alert of the study; ``beside``: on a page that can do without."""
        path, params = "/notifier/v1/alerts/brief", {"study": study}
        seconds = self.beside_timeout if beside else None
        question = self._alerts, study
        known, _ = await self._known("notifier", path, key, params, question, Alerts, seconds)
        return Inbox(known.read.alerts, known.read.warnings.get(study, ()), known.source)

    async def _known(
        self,
        service: Service,
        path: str,
        key: str,
        params: Mapping[str, str],
        question: tuple[Kept[_Known[Model]], Hashable],
        model: type[Model],
        seconds: float | None = None,
    ) -> tuple[_Known[Model], httpx2.Response]:
        """The answer to a question whose last answer is kept: a service that names its answers says
        that it is still the same, others send it again. The same bytes are read once."""
        kept, name = question
        known = kept.find(name)
        headers = {"If-None-Match": known.tag} if known is not None and known.tag else {}
        response = await self.ask(
            service, "GET", path, key, params=params, headers=headers, seconds=seconds
        )
        if known is not None and response.status_code == NOT_MODIFIED:
            return known, response
        source, tag = source_of(response), response.headers.get("etag")
        same = known is not None and known.source == source
        read = known.read if known and same else self.read(service, response, model)
        return kept.keep(name, _Known(source, tag, read)), response

    async def alert(self, key: str, alert: str) -> Alert:
        """One alert, as the link in a message names it."""
        path = f"/notifier/v1/alerts/{quote(alert, safe='')}"
        return self.read("notifier", await self.ask("notifier", "GET", path, key), Alert)

    async def acknowledge(self, key: str, alert: str, version: int) -> None:
        """Acknowledges the version the person has seen. Conflict where it no longer is the last."""
        path = f"/notifier/v1/alerts/{quote(alert, safe='')}/acknowledge"
        await self.ask("notifier", "POST", path, key, body={"version": version})

    @asynccontextmanager
    async def alert_stream(self, key: str, study: str | None) -> AsyncIterator[AsyncIterator[str]]:
        """The names of the notifier's events about a study, or all of them, as they happen,
        `BEHIND` among them. A stream that breaks off or falls silent raises Unavailable."""
        client = self._open_client("notifier")
        request = client.build_request(
            "GET",
            self._base["notifier"] + "/notifier/v1/alerts/stream",
            params={"study": study} if study else {},
            headers=_headers(key),
            timeout=httpx2.Timeout(self._timeout, read=self._stream_quiet),
        )
        try:
            response = await client.send(request, stream=True)
        except httpx2.HTTPError as error:
            raise self.unavailable("notifier", "does not answer") from error
        try:
            self._check("notifier", response)
            self._answered["notifier"] = datetime.now(UTC)
            yield self._events(response)
        finally:
            await response.aclose()

    async def intake_problem(self) -> Unavailable | None:
        """Why new records may not be coming in, or None when the intake says it is ready."""
        try:
            await self.ask("ingest", "GET", "/readyz", None, seconds=self.beside_timeout)
        except Unavailable as problem:
            return problem
        except UpstreamError:
            return self.unavailable("ingest", "does not say whether it is ready")
        return None

    def unavailable(self, service: Service, how: str) -> Unavailable:
        """The error for a service without a usable answer, with the time of its last one."""
        return Unavailable(service, how, self._answered.get(service))

    async def close(self) -> None:
        """Ends the connections. Nothing is asked afterwards: nobody would close what that opens."""
        self._closed = True
        if self._client is not None:
            await self._client.aclose()

    async def ask(
        self,
        service: Service,
        method: str,
        path: str,
        key: str | None,
        *,
        params: Mapping[str, str | Sequence[str]] | None = None,
        body: Mapping[str, object] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> httpx2.Response:
        """One question with the person's own credential; an answer that is no success raises.
        `content` is sent as it is, `body` as JSON."""
        try:
            response = await self._open_client(service).request(
                method,
                self._base[service] + path,
                params=params,
                json=body,
                content=content,
                headers={**(headers or {}), **_headers(key)},
                timeout=seconds or self._timeout,
            )
        except httpx2.HTTPError as error:
            raise self.unavailable(service, "does not answer") from error
        unchanged = response.status_code == NOT_MODIFIED and "If-None-Match" in (headers or {})
        if not unchanged:
            self._check(service, response)
        self._answered[service] = datetime.now(UTC)
        return response

    def _check(self, service: Service, response: httpx2.Response) -> None:
        status = response.status_code
        if status in _REFUSALS:
            raise _REFUSALS[status]
        if status == 503 and service == "monitor" and STILL_READING in response.content:
            how = "is still reading the study’s records, after its start"
            raise StillReading(service, how, self._answered.get(service))
        if status == 503:
            raise self.unavailable(service, "says that it cannot answer now")
        if not response.is_success:
            raise self.unavailable(service, f"answers with an error ({status})")

    def read(self, service: Service, response: httpx2.Response, model: type[Model]) -> Model:
        """The answer by its contract. Raises Unavailable where it does not fit."""
        try:
            return model.model_validate_json(response.content)
        except ValidationError:
            # The cause would quote health data: it ends here.
            raise self.unavailable(service, "answers something this console cannot read") from None

    async def _events(self, response: httpx2.Response) -> AsyncIterator[str]:
        name = "message"
        try:
            async for line in response.aiter_lines():
                if line.startswith("event:"):
                    name = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    yield BEHIND if _is_behind(name, line.removeprefix("data:")) else name
                elif not line:
                    name = "message"
        except httpx2.HTTPError as error:
            raise self.unavailable("notifier", "broke off its stream of alerts") from error

    def _open_client(self, service: Service) -> httpx2.AsyncClient:
        if self._closed:
            raise self.unavailable(service, "is not asked any more, for this console is ending")
        if self._client is None:
            # Calls between services never leave by a proxy that the environment names.
            self._client = httpx2.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                limits=httpx2.Limits(max_connections=500, max_keepalive_connections=50),
            )
        return self._client


def is_stale(response: httpx2.Response) -> bool:
    """Whether the monitor itself says that the answer may lack something."""
    return response.headers.get("Vigil-Stale", "").lower() == "true"


def _is_behind(name: str, data: str) -> bool:
    """Whether an event is a heartbeat that does not say that its stream is current."""
    if name != "heartbeat":
        return False
    try:
        told = json.loads(data)
    except ValueError:
        return True
    return not (isinstance(told, dict) and told.get("current") is True)


def source_of(response: httpx2.Response) -> bytes:
    """What tells one answer from another, whatever is in it."""
    return hashlib.sha256(response.content).digest()


def _headers(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
