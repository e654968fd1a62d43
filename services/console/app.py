"""Assembles the console: pages, sessions, the way to the other services, and error pages."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from services.console.adjudication import router as adjudication
from services.console.admin import router as admin
from services.console.alerts import router as alerts
from services.console.asking import go, local
from services.console.audit import router as audit
from services.console.charting import MOST_CHARTED
from services.console.charting import router as charting
from services.console.charts.gallery import Gallery
from services.console.charts.simulator import Simulator
from services.console.committee import router as committee
from services.console.data import router as data
from services.console.going import Going
from services.console.guard import (
    Foreign,
    MustChange,
    NotSignedIn,
    forget_cookie,
    from_another_site,
    session_of,
)
from services.console.html import PAGE_HEADERS, page
from services.console.kept import Kept
from services.console.live import Pace
from services.console.notes import since, unavailable_lines
from services.console.packets import Ahead
from services.console.packets import router as packets
from services.console.pages import MOST_BOARDS, router
from services.console.printing import Printer
from services.console.provider import router as provider
from services.console.sessions import Sessions
from services.console.settings import ConsoleSettings
from services.console.signing import router as signing
from services.console.subject import MOST_SUBJECTS
from services.console.upstream import (
    Conflict,
    Forbidden,
    KeyRefused,
    NotFound,
    Refused,
    Unavailable,
    Upstream,
    UpstreamError,
)
from services.console.words import Tone
from shared.charts.drawer import Drawer
from shared.runtime import web
from shared.runtime.clock import Clock, clock_from_settings
from shared.runtime.problems import Problem, problem_of_status, problem_response
from shared.runtime.settings import Settings

_WORTH_COMPRESSING = 1_000
"""Bytes. Event streams are never compressed: each event has to leave at once."""


def create_app(
    settings: Settings,
    console: ConsoleSettings,
    *,
    sessions: Sessions | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """The console's app, to be served at ``/``. It has no database and needs no other part. By
    ``clock``, the trial's, people's acts are dated.

    Assembled with other services into one app, its lifespan should run too: it closes the
    connections to them.
    """
    upstream = Upstream(console)
    drawer, printer, simulator = Drawer(processes=2), Printer(), Simulator()
    ahead = Ahead()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for each in (simulator, printer, drawer):
                stack.callback(each.close)
            stack.push_async_callback(ahead.close)
            stack.push_async_callback(upstream.close)
            yield

    app = web.create_app(
        "Vigil console",
        settings,
        routers=[
            signing,
            provider,
            router,
            packets,
            alerts,
            adjudication,
            committee,
            charting,
            data,
            audit,
            admin,
        ],
        lifespan=lifespan,
    )
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING, compresslevel=6)
    app.state.console = console
    app.state.upstream = upstream
    app.state.drawer = drawer
    app.state.printer = printer
    app.state.ahead = ahead
    app.state.simulator = simulator
    app.state.gallery = Gallery()
    app.state.charts = Kept(MOST_CHARTED)
    app.state.boards = Kept(MOST_BOARDS)
    app.state.subjects = Kept(MOST_SUBJECTS)
    app.state.trial_clock = clock or clock_from_settings(settings)
    app.state.going = Going()
    app.state.pace = Pace(console.live_interval)
    app.state.sessions = sessions or Sessions(
        idle=console.session_idle, longest=console.session_longest
    )
    app.add_exception_handler(NotSignedIn, _ask_to_sign_in)
    app.add_exception_handler(MustChange, _to_new_password)
    app.add_exception_handler(Foreign, _refuse_foreign)
    app.add_exception_handler(UpstreamError, _explain)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _no_such_page)
    return app


async def _ask_to_sign_in(request: Request, _error: Exception) -> Response:
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=401, headers=dict(PAGE_HEADERS))
    here = _address(request)
    if request.method == "GET" and from_another_site(request):
        # A link in a message led here, so the browser kept the strict cookie back. Asking again
        # from a page of ours brings it along.
        return page("again.html", url=local(here))
    return _to_login(request, here)


async def _to_new_password(_request: Request, _error: Exception) -> Response:
    return go("/account")


def _to_login(request: Request, here: str) -> Response:
    query = urlencode({"next": local(here)}) if request.method == "GET" else ""
    return RedirectResponse(f"/login?{query}".rstrip("?"), 303, headers=dict(PAGE_HEADERS))


async def _refuse_foreign(_request: Request, _error: Exception) -> Response:
    return _message(
        403,
        "This form did not come from this page",
        "warn",
        ("Nothing was done. Open the page again and repeat it there.",),
    )


async def _explain(request: Request, error: Exception) -> Response:
    retry = _address(request) if request.method == "GET" else None
    match error:
        case KeyRefused():
            return _sign_out(request)
        case Unavailable():
            lines = unavailable_lines(error)
            heading = "Not known at present"
            study = None if error.service == "monitor" else request.path_params.get("study")
            return _message(503, heading, "stop", lines, since(error.since), retry, study)
        case NotFound():
            lines = ("There is no such page, or you may not see it.",)
            return _message(404, "Not found", "calm", lines)
        case Forbidden():
            lines = ("Your role does not allow it.",)
            return _message(403, "Not allowed", "warn", lines)
        case Refused():
            lines = ("The monitor cannot answer for that day. It must not lie in the future.",)
            return _message(422, "No view of that day", "warn", lines, retry=request.url.path)
        case Conflict() if request.method == "GET" and "study" in request.path_params:
            return _without_protocol(request, request.path_params["study"])
        case Conflict() | _:
            lines = ("The state of things does not allow it now.",)
            return _message(409, "Not possible now", "warn", lines, retry=retry)


def _without_protocol(request: Request, study: str) -> Response:
    """What every page that rests on an assessment says where there is none."""
    past = request.query_params.get("known_at")
    return page(
        "message.html",
        409,
        session=session_of(request),
        heading=f"{study}: nothing is assessed" + (f" as known on {past}" if past else " yet"),
        tone="warn",
        lines=(
            "The study has no protocol at that time, so no DLT can be told apart.",
            "Records that arrive are kept, and count once an administrator has put the protocol.",
        ),
        links=(("What has arrived", "data"), ("Who may do what", "admin")) if not past else (),
        study=study,
        since=None,
        retry=request.url.path,
    )


async def _http_error(request: Request, error: Exception) -> Response:
    """Errors of the framework and our own handlers: a page for people, a problem for programs."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404 and _reads_pages(request):
        return await _explain(request, NotFound())
    problem = error if isinstance(error, Problem) else problem_of_status(error.status_code)
    if not _reads_pages(request):
        return problem_response(problem, request.scope.get("vigil.request_id"))
    return _message(problem.status_code, problem.title, "warn", ())


async def _no_such_page(request: Request, _error: Exception) -> Response:
    """An address that cannot be one of ours."""
    return await _explain(request, NotFound())


def _sign_out(request: Request) -> Response:
    sessions: Sessions = request.app.state.sessions
    session = session_of(request)
    if session is not None:
        sessions.end(session)
    response = _to_login(request, _address(request))
    forget_cookie(request, response)
    return response


def _message(
    status: int,
    heading: str,
    tone: Tone,
    lines: tuple[str, ...],
    since: str | None = None,
    retry: str | None = None,
    study: str | None = None,
) -> Response:
    """`study`: one whose board can still be had."""
    return page(
        "message.html",
        status,
        heading=heading,
        tone=tone,
        lines=lines,
        links=(("The board", ""),) if study else (),
        study=study,
        since=since,
        retry=retry,
    )


def _reads_pages(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _address(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
