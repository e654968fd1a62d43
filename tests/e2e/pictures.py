"""Takes the pictures of the guide: ``python -m tests.e2e.pictures FOLDER``.

Every page of the demo's trial in the week of its hold, at a desk and on a phone, from a real
browser in front of the whole of Vigil. The data are synthetic, and each picture says so.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from services.demo import STUDY
from shared.runtime.embedded_postgres import EmbeddedPostgres
from tests.e2e.people import ADMIN, MEMBER, MONITOR, make_people, sign_in
from tests.e2e.trial import told_trial
from tests.services.console.browser import Browser, chromium

WIDTHS = {"desk": 1280, "phone": 390}


@dataclass(frozen=True, slots=True)
class Page:
    """`address` within the study; where `link` is given, the page to which it leads from there."""

    name: str
    login: str
    address: str
    link: str = ""


PAGES = (
    Page("board", MONITOR, ""),
    Page("subject", MONITOR, "", ".card.warn a[href*='/subject/']"),
    Page("alerts", MONITOR, "/alerts"),
    Page("alert", MONITOR, "/alerts?severity=urgent", ".inbox li:first-child a"),
    Page("adjudication", MONITOR, "/adjudication"),
    Page("judgement", MONITOR, "/adjudication", "#main a[href*='/adjudication/']"),
    Page("committee", MEMBER, "/committee"),
    Page("charts", MEMBER, "/charts"),
    Page("past", MEMBER, "?known_at=2022-12-21"),
    Page("data", ADMIN, "/data"),
    Page("audit", ADMIN, "/audit"),
    Page("admin", ADMIN, "/admin"),
)


def open_page(browser: Browser, url: str, page: Page) -> None:
    """As somebody who is signed in."""
    begin = f"{url}/studies/{STUDY}{page.address}"
    browser.open(begin)
    if page.link:
        wait_for_page(browser, begin, page.link)
        browser.open(str(browser.run(f'return document.querySelector("{page.link}").href')))
    assert STUDY in browser.title, (page, browser.title)


def wait_for_page(browser: Browser, address: str, selector: str) -> None:
    """Until the page has such an element: what the notifier brings comes after what the monitor
    brings, and not every page follows by itself."""

    def has_it() -> bool:
        browser.open(address)
        return bool(browser.run(f'return !!document.querySelector("{selector}")'))

    browser.wait(has_it, f"{selector} on {address}")


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
    for page in PAGES:
        if page.login != signed_in:
            sign_in(browser, url, page.login)
            signed_in = page.login
        open_page(browser, url, page)
        for width, pixels in WIDTHS.items():
            browser.resize(pixels, 900)
            browser.run("for (const img of document.images) img.loading = 'eager'")
            browser.wait(
                lambda: browser.run("return [...document.images].every((img) => img.complete)"),
                "the charts",
            )
            browser.screenshot(folder / f"{page.name}-{width}.png", whole=width == "phone")
    browser.open("about:blank")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
