"""Chromium as a reader has it, driven over its own protocol: opens a page, runs a script in it, takes its picture."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import websocket

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
    *("--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank"),
)


class Tab:
    """One page. `errors` has what its scripts threw, what its policy refused, and what its console was told."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=120)
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def open(self, url: str, *, width: int = 1400, height: int = 1000, dark: bool = False) -> float:
        """Open a page in a window of this size; the seconds until it was loaded."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        self.send("Page.navigate", url="about:blank")
        self._until("Page.loadEventFired")
        self._events.clear()
        begun = time.perf_counter()
        self.send("Page.navigate", url=url)
        self._until("Page.loadEventFired")
        return time.perf_counter() - begun

    def run(self, script: str) -> Any:
        """The value of a script's last expression, awaited where it is a promise."""
        done = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"]["exception"].get("description", done))
        return done["result"].get("value")

    def wait_for(self, condition: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write what is to be seen as a PNG; the whole page, or the window."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def printed(self, path: Path) -> None:
        """Write the page as a PDF, as it is printed on A4."""
        size = {"paperWidth": 8.27, "paperHeight": 11.69}
        path.write_bytes(base64.b64decode(self.send("Page.printToPDF", **size)["data"]))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                found: dict[str, Any] = message["result"]
                return found
            self._note(message)

    def _until(self, event: str) -> None:
        while not any(each["method"] == event for each in self._events):
            self._note(json.loads(self._socket.recv()))
        self._events.clear()

    def _note(self, message: dict[str, Any]) -> None:
        self._events.append(message)
        about = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        if message["method"] == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.errors.append(about["entry"]["text"])
        if message["method"] == "Network.requestWillBeSent":
            url = about["request"]["url"]
            if not url.startswith(("file:", "data:", "blob:", "about:")):
                self.errors.append(f"asked for {url}")


@contextmanager
def chromium(folder: Path) -> Iterator[Tab]:
    """A tab of a Chromium whose profile is in this folder."""
    profile = folder / "profile"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            port = _port(profile / "DevToolsActivePort")
            yield Tab(_page_address(port))
        finally:
            process.terminate()


def _port(file: Path) -> int:
    end = time.monotonic() + 60
    while not (file.exists() and "\n" in file.read_text()):
        assert time.monotonic() < end, "Chromium does not start"
        time.sleep(0.05)
    return int(file.read_text().splitlines()[0])


def _page_address(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
        pages = [each for each in json.load(answer) if each["type"] == "page"]
    address: str = pages[0]["webSocketDebuggerUrl"]
    return address
