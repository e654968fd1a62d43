"""Takes the pictures of the guide: ``python -m tests.e2e.pictures FOLDER``.

Every page of the demo's trial in the week of its hold, at a desk and on a phone, from a real
browser in front of the whole of Vigil. The data are synthetic, and each picture says so.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from services.demo import STUDY
from shared.runtime.embedded_postgres import EmbeddedPostgres
from tests.e2e.people import ADMIN, MEMBER, MONITOR, make_people, sign_in
from tests.e2e.trial import told_trial
from tests.services.console.browser import Browser, chromium

WIDTHS = {"desk": 1280, "phone": 390}
BOARD = f"/studies/{STUDY}"
PAGES = (
    ("studies", MONITOR, "/", ""),
    ("board", MONITOR, BOARD, ""),
    ("subject", MONITOR, BOARD, ".card.warn a[href*='/subject/']"),
    ("alerts", MONITOR, f"{BOARD}/alerts", ""),
    ("alert", MONITOR, f"{BOARD}/alerts?severity=urgent", ".inbox li:first-child a"),
    ("adjudication", MONITOR, f"{BOARD}/adjudication", ""),
    ("judgement", MONITOR, f"{BOARD}/adjudication", "#main a[href*='/adjudication/']"),
    ("committee", MEMBER, f"{BOARD}/committee", ""),
    ("charts", MEMBER, f"{BOARD}/charts", ""),
    ("past", MEMBER, f"{BOARD}?known_at=2022-12-21", ""),
    ("data", ADMIN, f"{BOARD}/data", ""),
    ("admin", ADMIN, f"{BOARD}/admin", ""),
    ("audit", ADMIN, f"{BOARD}/audit", ""),
)


def main(folder: Path) -> None:
    """Writes ``<page>-<width>.png`` for every page."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="vigil-pictures-"))
        server = EmbeddedPostgres(Path(data))
        stack.callback(server.stop)
        trial = stack.enter_context(told_trial(server.start(), date(2022, 12, 26)))
        make_people(trial.vigil.engine)
        browser = stack.enter_context(chromium())
        _take_all(browser, trial.vigil.url, folder)


def _take_all(browser: Browser, url: str, folder: Path) -> None:
    signed_in = ""
    for name, login, address, link in PAGES:
        if login != signed_in:
            sign_in(browser, url, login)
            signed_in = login
        browser.open(url + address)
        if link:
            browser.open(str(browser.run(f'return document.querySelector("{link}").href')))
        for width, pixels in WIDTHS.items():
            browser.resize(pixels, 900)
            browser.run("for (const img of document.images) img.loading = 'eager'")
            browser.wait(
                lambda: browser.run("return [...document.images].every((img) => img.complete)"),
                "the charts",
            )
            browser.screenshot(folder / f"{name}-{width}.png")
    browser.open("about:blank")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
