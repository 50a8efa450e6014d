"""A headless Chromium, driven by the W3C WebDriver protocol through ChromeDriver: what a user sees and clicks."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's key of an element
_WAIT_MS = 10_000  # for an element to appear
_FLAGS = (
    "--headless",
    "--no-sandbox",  # CI runs as root, for which Chromium has no sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1500,950",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # offline: whatever a page fetches from elsewhere fails, and is logged
)


class Browser:
    """One window."""

    def __init__(self, driver: str, profile: Path) -> None:
        """Open it; `driver` is ChromeDriver's address, `profile` an empty folder."""
        self._session = driver
        options = {"binary": CHROMIUM, "args": [*_FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        capabilities = {"alwaysMatch": {**wanted, "timeouts": {"implicit": _WAIT_MS}}}
        self._session = f"{driver}/session/{self._post('/session', capabilities=capabilities)['sessionId']}"

    def _post(self, path: str, **body: Any) -> Any:
        return self._ask(urllib.request.Request(self._session + path, json.dumps(body).encode(), method="POST"))

    def _get(self, path: str) -> Any:
        return self._ask(urllib.request.Request(self._session + path))

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            # No proxy of the environment: the driver is on this host.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                told = json.load(error)["value"]
            raise AssertionError(f"{request.full_url}: {told['error']}: {told['message']}") from None

    def open(self, page: Path) -> None:
        """Open a file."""
        self._post("/url", url=page.as_uri())

    def element(self, xpath: str) -> str:
        """Path of the first element that an XPath finds, once it is there; AssertionError where it never is."""
        return f"/element/{self._post('/element', using='xpath', value=xpath)[_ELEMENT]}"

    def click(self, xpath: str) -> None:
        """Click on the first element that an XPath finds."""
        self._post(f"{self.element(xpath)}/click")

    def text(self, xpath: str = "//body") -> str:
        """The text that is shown of an element."""
        return str(self._get(f"{self.element(xpath)}/text"))

    def run(self, script: str) -> Any:
        """What a piece of JavaScript returns."""
        return self._post("/execute/sync", script=script, args=[])

    def console(self) -> list[dict[str, Any]]:
        """What the page has said on the console since the last call."""
        entries: list[dict[str, Any]] = self._post("/se/log", type="browser")
        return entries

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self._get("/screenshot")))

    def close(self) -> None:
        """End the browser."""
        self._ask(urllib.request.Request(self._session, method="DELETE"))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A window, and its driver, until the end of the block."""
    with subprocess.Popen([str(CHROMEDRIVER), "--port=0"], stdout=subprocess.PIPE, text=True) as driver:
        try:
            assert driver.stdout is not None
            # ChromeDriver was started successfully on port 12345.
            port = next(found[1] for line in driver.stdout if (found := re.search(r"successfully on port (\d+)", line)))
            window = Browser(f"http://127.0.0.1:{port}", profile)
            try:
                yield window
            finally:
                window.close()
        finally:
            driver.terminate()
