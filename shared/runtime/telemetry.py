"""Logs, metrics and trace context. None of them may carry health data or subject codes.

Logs are JSON lines on stderr. Metrics live in a registry of their own, so that two services in one
process, or two tests, do not collide. Traces are W3C `traceparent` strings, handed on in message
headers; no exporter is involved.
"""

import logging
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_current: ContextVar["Trace | None"] = ContextVar("trace", default=None)


@dataclass(frozen=True, slots=True)
class Trace:
    """One span's identity: who started it all, and who we are in it."""

    trace_id: str
    span_id: str
    flags: str = "01"

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def parse_traceparent(text: str | None) -> Trace | None:
    """The W3C header, or None if absent or malformed: a bad header only starts a new trace."""
    match = _TRACEPARENT.fullmatch(text or "")
    if match is None or set(match[1]) == {"0"} or set(match[2]) == {"0"}:
        return None
    return Trace(match[1], match[2], match[3])


def child_of(parent: Trace | None) -> Trace:
    """A new span in the parent's trace, or in a new trace."""
    if parent is None:
        return Trace(secrets.token_hex(16), secrets.token_hex(8))
    return Trace(parent.trace_id, secrets.token_hex(8), parent.flags)


def current_traceparent() -> str:
    """What to write into an outgoing message or request."""
    return str(_current.get() or child_of(None))


@contextmanager
def trace(headers: Mapping[str, str]) -> Iterator[Trace]:
    """Runs the block as a child of the `traceparent` in `headers`; logs inside carry its id."""
    span = child_of(parse_traceparent(headers.get("traceparent")))
    token = _current.set(span)
    try:
        with structlog.contextvars.bound_contextvars(trace_id=span.trace_id):
            yield span
    finally:
        _current.reset(token)


def configure_logging(level: str = "INFO") -> None:
    """JSON lines on stderr, for structlog and for the libraries that use `logging`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_PROCESSORS,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Both repeat what is already said, one of them with the URL's path.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("kafka").setLevel(max(logging.getLevelName(level), logging.WARNING))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for a module of ours."""
    return structlog.stdlib.get_logger(name)


def describe(error: BaseException) -> str:
    """Where an error arose, without its text: driver and parser errors quote what they choke on."""
    where = ""
    frame = error.__traceback__
    while frame is not None:
        module = frame.tb_frame.f_globals.get("__name__", "?")
        if not where or module.startswith(("shared.", "services.")):
            where = f"{module}:{frame.tb_lineno}"
        frame = frame.tb_next
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__} at {where}" if where else kind.__qualname__


def _exception_without_values(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = describe(error)
    return event


_PROCESSORS: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _exception_without_values,
]

# On import, because structlog's own default prints to stdout, where a command's result belongs.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_PROCESSORS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


class Metrics:
    """The process's counters. Label values are topics, groups and routes: never data."""

    def __init__(self) -> None:
        self.elsewhere: Callable[[], Iterable[Metric]] = tuple
        """What another process has counted for this one: samples that this one has not."""
        registry = self.registry = CollectorRegistry()
        self.requests = Counter(
            "vigil_http_requests_total",
            "HTTP requests by route template",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "vigil_http_request_seconds",
            "Time to answer, by route template",
            ["method", "route"],
            registry=registry,
        )
        self.handled = Counter(
            "vigil_messages_handled_total",
            "Messages whose effects are committed",
            ["group", "topic"],
            registry=registry,
        )
        self.parked = Counter(
            "vigil_messages_parked_total",
            "Messages set aside",
            ["group", "topic"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "vigil_batch_seconds", "Time per batch", ["group", "topic"], registry=registry
        )
        self.batch_failures = Counter(
            "vigil_batch_failures_total",
            "Batches rolled back and tried again",
            ["group", "topic", "kind"],
            registry=registry,
        )
        self.lag = Gauge(
            "vigil_consumer_lag_messages",
            "Messages not yet applied",
            ["group", "topic"],
            registry=registry,
        )
        self.relayed = Counter(
            "vigil_messages_relayed_total", "Messages the broker confirmed", registry=registry
        )
        self.relay_backlog = Gauge(
            "vigil_relay_backlog_messages", "Messages not yet at the broker", registry=registry
        )

    def text(self) -> bytes:
        """Everything counted, as Prometheus reads it."""
        return generate_latest(_Together(self.registry, self.elsewhere()))


class _Together(Collector):
    """Families of the same name as one: a page of metrics must not name a family twice."""

    def __init__(self, registry: CollectorRegistry, elsewhere: Iterable[Metric]) -> None:
        self._registry = registry
        self._elsewhere = elsewhere

    def collect(self) -> Iterable[Metric]:
        families = {one.name: one for one in self._registry.collect()}
        for other in self._elsewhere:
            families.setdefault(other.name, Metric(other.name, other.documentation, other.type))
            families[other.name].samples += other.samples
        return families.values()
