"""A process of its own, to be killed by a test: it keeps a picture, says so and hangs."""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime

from services.notifier.store import pictures
from services.notifier.store.pictures import Drawn
from shared.runtime.db import create_engine


def main() -> None:
    """Never ends by itself."""
    engine = create_engine(os.environ["DATABASE_URL"], application_name="victim")
    drawn = Drawn(b"\x89PNG drawn by another", "what it shows", "digest")
    with engine.begin() as conn:
        alert = pictures.take(conn, 60)
        assert alert is not None
    with engine.begin() as conn:
        pictures.settle(conn, alert, drawn, datetime(2026, 1, 15, 12, tzinfo=UTC))
    sys.stdout.write("drawn\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
