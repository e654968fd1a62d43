"""What the accessibility checker axe-core finds on a page, as WCAG 2.2 A and AA ask for it.

Deque's axe-core comes with a test dependency; the browser runs it inside the page as a person with
a screen reader would have it.
"""

import json
from functools import cache
from importlib.resources import files

from tests.services.console.browser import Browser

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: %s, resultTypes: ['violations']}).then(
  (found) => done(found.violations.map((one) =>
    `${one.impact} ${one.id}: ` + one.nodes.map((node) => node.target.join(' ')).join(' | '))),
  (error) => done(['axe failed: ' + error]));
"""


def findings(browser: Browser) -> list[str]:
    """One line for each rule that the open page breaks: impact, rule, elements."""
    browser.run(_script())
    found: list[str] = browser.run_until_done(_RUN % json.dumps(TAGS))
    return found


@cache
def _script() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
