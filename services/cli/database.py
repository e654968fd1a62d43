"""The database a command works on: the one named, or the embedded one that is running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from services.cli.output import UNAVAILABLE, fail
from shared.runtime.db import create_engine
from shared.runtime.embedded_postgres import EmbeddedPostgres, running_url
from shared.runtime.settings import Settings

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="DATABASE_URL",
        show_envvar=True,
        help="PostgreSQL to use; without it the embedded one.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database (VIGIL_DATA_DIR)."),
]


@contextmanager
def command_engine(database_url: str | None, data_dir: Path | None) -> Iterator[Engine]:
    """An engine for one command. The embedded server is used as it runs, or started for it."""
    folder = data_dir or Settings.from_env().data_dir
    url = database_url or running_url(folder)
    if url is not None:
        with _engine(url) as engine:
            yield engine
        return
    server = EmbeddedPostgres(folder)
    if not (server.home / "data").exists():
        fail(
            f"there is no database in {folder}. Start one with vigil serve, or give --database-url",
            UNAVAILABLE,
        )
    with server, _engine(server.url()) as engine:
        yield engine


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, application_name="vigil-cli", pool_size=1)
    try:
        yield engine
    finally:
        engine.dispose()
