"""A real Chromium, driven over plain WebDriver HTTP: what a person sees, clicks and types."""

import base64
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB = "\ue004"
ENTER = "\ue007"
_HOLD_STILL = """
if (typeof renewed === 'undefined') return true;
pressed = performance.now();
return pressed - renewed >= READ_MS;
"""
"""The names are those of console.js."""
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """One window. All lookups are by CSS selector."""

    def __init__(self, driver: httpx2.Client, session: str) -> None:
        self._driver = driver
        self._at = f"/session/{session}"

    def open(self, url: str) -> None:
        self._post("/url", url=url)

    def resize(self, width: int, height: int) -> None:
        """Sets the size of the page itself, like a phone's screen does."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def forget_cookies(self) -> None:
        self._devtools("Network.clearBrowserCookies")

    def prefer(self, scheme: str) -> None:
        """``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", features=features)

    def allow_scripts(self, allowed: bool) -> None:
        self._devtools("Emulation.setScriptExecutionDisabled", value=not allowed)

    @property
    def url(self) -> str:
        return str(self._get("/url"))

    @property
    def title(self) -> str:
        return str(self._get("/title"))

    def text(self, selector: str) -> str:
        """What can be read in the element; hidden text is not."""
        return str(self._with(selector, lambda at: self._driver.get(f"{at}/text")))

    def click(self, selector: str) -> None:
        """Like a person who looks first, and under whose finger no page renews itself."""
        self.wait(lambda: bool(self.run(_HOLD_STILL)), "a page that holds still")
        self.click_at_once(selector)

    def click_at_once(self, selector: str) -> None:
        self._with(selector, lambda at: self._driver.post(f"{at}/click", json={}))

    def type(self, selector: str, text: str) -> None:
        self._with(selector, lambda at: self._driver.post(f"{at}/value", json={"text": text}))

    def press(self, key: str) -> None:
        """One key, to whatever has the focus."""
        strokes = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def run(self, script: str) -> Any:
        """What a function body returns in the page."""
        return self._post("/execute/sync", script=script, args=[])

    def run_until_done(self, script: str) -> Any:
        """What a function body hands to its last argument."""
        return self._post("/execute/async", script=script, args=[])

    def complaints(self) -> list[str]:
        """What the browser's console has said since the last call, at level warning or above."""
        entries = self._post("/se/log", type="browser")
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        shot = self._devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def wait(self, until: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            late = time.monotonic() >= deadline
            assert not late, f"not within {seconds:.0f} s: {what}; there is {self._there()}"

    def _there(self) -> str:
        return f"{self.url}, {self.title!r}: {self.run('return document.body.innerText')[:500]!r}"

    def _with(self, selector: str, do: Callable[[str], httpx2.Response]) -> Any:
        """Does something with the element, again if the page has just replaced it."""
        while True:
            found = self._post("/element", using="css selector", value=selector)
            answer = do(f"{self._at}/element/{found[_ELEMENT]}")
            if not _is_stale(answer):
                return _value(answer)

    def _devtools(self, command: str, **parameters: Any) -> Any:
        return self._post("/goog/cdp/execute", cmd=command, params=parameters)

    def _get(self, path: str) -> Any:
        return _value(self._driver.get(self._at + path))

    def _post(self, path: str, **body: Any) -> Any:
        return _value(self._driver.post(self._at + path, json=body))


def _is_stale(response: httpx2.Response) -> bool:
    value = response.json()["value"]
    return isinstance(value, dict) and value.get("error") == "stale element reference"


def _value(response: httpx2.Response) -> Any:
    value = response.json()["value"]
    assert response.is_success, f"{value['error']}: {value['message'].splitlines()[0]}"
    return value


@contextmanager
def chromium() -> Iterator[Browser]:
    """A fresh browser with a profile of its own. Skips, or fails where VIGIL_REQUIRE says so."""
    binary, driver = _programs()
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="vigil-chromium-") as profile:
        process = subprocess.Popen(
            [driver, f"--port={port}", "--log-level=OFF"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            with httpx2.Client(base_url=address, timeout=150, trust_env=False) as client:
                _wait_for(client)
                session = _new_session(client, binary, profile)
                yield Browser(client, session)
                client.delete(f"/session/{session}")
        finally:
            process.terminate()
            process.wait(60)


def _programs() -> tuple[str, str]:
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary and driver:
        return binary, driver
    reason = "chromium and chromedriver are not installed"
    if "chromium" in os.environ.get("VIGIL_REQUIRE", ""):
        pytest.fail(reason)
    pytest.skip(reason)


def _new_session(client: httpx2.Client, binary: str, profile: str) -> str:
    options = {"binary": binary, "args": [*_ARGUMENTS, f"--user-data-dir={profile}"]}
    wanted = {
        "browserName": "chrome",
        # An element that a page on its way will bring is waited for.
        "timeouts": {"script": 120_000, "implicit": 60_000},
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    body = {"capabilities": {"alwaysMatch": wanted}}
    return str(_value(client.post("/session", json=body))["sessionId"])


def _wait_for(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if client.get("/status").json()["value"]["ready"]:
                return
        except httpx2.TransportError:
            continue
    raise TimeoutError("chromedriver did not start")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
