"""Runs an app under uvicorn so that it always stops, and in time.

Left to itself uvicorn waits for ever for an open event stream, and ends a process by re-raising the
signal, which skips everything the caller still has to close.
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from shared.runtime.heap import leaving_out_what_lasts

GRACE_SECONDS = 4
"""How long open requests may go on after a stop; event streams are cut then."""

MOST_CONNECTIONS = 1000
MOST_HEADER_BYTES = 32 * 1024


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stops at SIGINT and SIGTERM, but leaves ending the process to the caller."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def serve(app: ASGIApp, host: str, port: int, stop: threading.Event | None = None) -> None:
    """Serves until SIGINT, SIGTERM or `stop`, then returns within GRACE_SECONDS and a moment.

    In the main thread signals are caught; in another one `stop` is the only way to end it. The
    app's lifespan has run to its end when this returns.
    """
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE_SECONDS,
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        )
    )
    if stop is not None:
        threading.Thread(target=_stop_with, args=(server, stop), daemon=True).start()
    with leaving_out_what_lasts():
        server.run()


def _stop_with(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True
