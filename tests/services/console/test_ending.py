"""A console that ends, and a browser that leaves, leave nothing behind that goes on asking."""

from __future__ import annotations

import asyncio

import pytest

from services.console.live import Pace, Watch
from services.console.settings import ConsoleSettings
from services.console.upstream import Unavailable, Upstream
from tests.conftest import _free_port

KEY, STUDY = "vigil_key", "ST-1"


def nobody_there() -> Upstream:
    there = f"http://127.0.0.1:{_free_port()}"
    return Upstream(ConsoleSettings(monitor_url=there, notifier_url=there, ingest_url=there))


def test_nothing_is_asked_once_the_connections_are_ended() -> None:
    async def asked_afterwards() -> None:
        upstream = nobody_there()
        with pytest.raises(Unavailable, match="does not answer"):
            await upstream.studies(KEY)
        await upstream.close()
        with pytest.raises(Unavailable, match="is not asked any more"):
            await upstream.studies(KEY)
        with pytest.raises(Unavailable, match="is not asked any more"):
            async with upstream.alert_stream(KEY, STUDY):
                pass

    asyncio.run(asked_afterwards())


@pytest.mark.parametrize("turns", range(12))
def test_a_watch_ends_whenever_its_browser_leaves(turns: int) -> None:
    """Also in the very turn of the event loop in which there is something to tell."""

    async def left() -> bool:
        upstream = nobody_there()
        watch = Watch(upstream, KEY, STUDY, pace=Pace(0.0), signed_in=lambda: True)
        reading = asyncio.create_task(_read(watch))
        for _ in range(turns):
            await asyncio.wait({reading}, timeout=0)
        reading.cancel()
        ended, _ = await asyncio.wait({reading}, timeout=60)
        await upstream.close()
        return bool(ended)

    assert asyncio.run(left())


async def _read(watch: Watch) -> None:
    async for _ in watch.events():
        pass
