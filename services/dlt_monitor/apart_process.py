"""The process of `apart`: a writer that lasts as long as the socket on its standard input.

A line from there says that there is something to read. Lines back: an empty one after each commit,
and regularly the writer's state and counters as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, BinaryIO

from prometheus_client import CollectorRegistry

from services.dlt_monitor.writer import Writer
from shared.runtime.carrier import bus_from_settings
from shared.runtime.clock import clock_from_settings
from shared.runtime.db import create_engine
from shared.runtime.heap import leaving_out_what_lasts
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics, configure_logging, get_logger
from shared.runtime.wakeup import Wakeup

log = get_logger(__name__)

REPORT_SECONDS = 0.5


def main() -> int:
    """Works until the other end of the socket is closed; 1 if it had to end before."""
    standard_input = 0
    with socket.fromfd(standard_input, socket.AF_UNIX, socket.SOCK_STREAM) as line:
        heard = line.makefile("rb")
        # From our own parent, over a socket that nobody else has.
        settings: Settings = pickle.load(heard)  # noqa: S301
        configure_logging(settings.log_level)
        try:
            return _work(settings, line, heard)
        except Exception as error:  # the traceback would quote values
            log.critical("the monitor's writer cannot work", exc_info=error)
            return 1


def _work(settings: Settings, line: socket.socket, heard: BinaryIO) -> int:
    telling = threading.Lock()
    hung_up = threading.Event()
    wakeup, metrics = Wakeup(), Metrics()

    def tell(text: str = "") -> None:
        with telling, suppress(OSError):
            line.sendall(text.encode() + b"\n")

    def listen() -> None:
        with suppress(OSError):
            for _ in heard:
                wakeup.hear()
        hung_up.set()

    wakeup.neighbour = tell
    threading.Thread(target=listen, name="server", daemon=True).start()
    with _writer(settings, wakeup, metrics) as writer:
        while not hung_up.is_set() and writer.worker.alive:
            tell(_report(writer, metrics.registry))
            hung_up.wait(REPORT_SECONDS)
    return 0 if hung_up.is_set() else 1


@contextmanager
def _writer(settings: Settings, wakeup: Wakeup, metrics: Metrics) -> Iterator[Writer]:
    assert settings.database_url is not None
    engine = create_engine(settings.database_url, application_name="vigil-monitor-writer")
    # Not started: what is appended to the log here is carried on by the server's.
    bus = bus_from_settings(settings, engine, metrics, wakeup)
    writer = Writer(engine, bus, clock_from_settings(settings), metrics)
    writer.start()
    try:
        with leaving_out_what_lasts():
            yield writer
    finally:
        writer.stop()
        bus.close()
        engine.dispose()


def _report(writer: Writer, registry: CollectorRegistry) -> str:
    return json.dumps({**asdict(writer.state()), "metrics": list(_counted(registry))}, default=str)


def _counted(registry: CollectorRegistry) -> Iterator[tuple[Any, ...]]:
    """What is counted by reader of a topic: only this process reads this one's."""
    for family in registry.collect():
        samples = [(one.name, one.labels, one.value) for one in family.samples]
        own = [sample for sample in samples if "group" in sample[1]]
        if own:
            yield family.name, family.documentation, family.type, own


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # At once: to take a large study apart object by object would keep the server from ending.
    os._exit(status)
