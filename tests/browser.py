"""A headless Chromium, driven by the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

HOST = "127.0.0.1"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-port=0",
    "about:blank",
)
KEY_CODES = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "End": 35,
    "Home": 36,
}
PATIENCE_SECONDS = 60.0

BOXES = """[...document.querySelectorAll(SELECTOR)].map(one => {
  const box = one.getBoundingClientRect();
  const name = one.tagName + (one.id ? '#' + one.id : '');
  return [name, box.left, box.top + scrollY, box.right, box.bottom + scrollY];
}).filter(box => box[3] > box[1] && box[4] > box[2])"""

Box = tuple[str, float, float, float, float]


def executable() -> str | None:
    """The browser of this machine, if it has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab: what it was told, what it asked the network for, what it complained of."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.requests: list[str] = []
        self.failed: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Sort what the browser says until it hangs up."""
        while (said := await self._connection.read_message()) is not None:
            message = json.loads(said)
            if "id" in message:
                future = self._waiting.pop(message["id"])
                if not future.done():
                    future.set_result(message)
            else:
                self._note(message["method"], message["params"])

    def _note(self, method: str, params: Any) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            self.failed.append(params["errorText"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(
                details.get("exception", details).get("description", details["text"])
            )
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])

    async def call(self, method: str, **params: Any) -> Any:
        """Send one command and return its result."""
        self._number += 1
        future = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        message = {"id": self._number, "method": method, "params": params}
        await self._connection.write_message(json.dumps(message))
        answer = await asyncio.wait_for(future, PATIENCE_SECONDS)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    async def ask(self, script: str) -> Any:
        """Evaluate a script in the page and return its value."""
        result = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise AssertionError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    async def wait(self, script: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Evaluate a script until its value is true, and return that."""
        end = asyncio.get_running_loop().time() + seconds
        while not (value := await self.ask(script)):
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"not within {seconds} seconds: {script}; {self.complaints}")
            await asyncio.sleep(0.05)
        return value

    async def open(self, address: str) -> None:
        """Go to an address and wait for it."""
        await self.call("Page.navigate", url=address)
        await self.wait("document.readyState === 'complete'")

    async def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Be a screen of that many CSS pixels."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        await self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    async def offline(self) -> None:
        """Cut the network."""
        await self.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )

    async def press(self, key: str) -> None:
        """Press and let go of a key."""
        for kind in ("rawKeyDown", "keyUp"):
            code = KEY_CODES[key]
            await self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    async def tap(self, x: float, y: float) -> None:
        """Touch a point of the screen."""
        await self.call(
            "Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}]
        )
        await self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    async def click(self, x: float, y: float) -> None:
        """Press and let go of the left button of the mouse."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def boxes(self, selector: str) -> list[Box]:
        """What matches a selector and is visible: name, left, top, right, bottom."""
        found = await self.ask(BOXES.replace("SELECTOR", json.dumps(selector)))
        return [tuple(box) for box in found]

    async def screenshot(self, path: Path) -> None:
        """Save a picture of the whole page."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Page]:
    """Start a browser with a profile of its own, and end it."""
    command = [executable() or NAMES[0], *FLAGS, f"--user-data-dir={profile}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            connection = await websocket_connect(await _tab(profile), max_message_size=2**28)
            page = Page(connection)
            listening = asyncio.create_task(page.listen())
            for domain in ("Page", "Runtime", "Network", "Log"):
                await page.call(f"{domain}.enable")
            yield page
            connection.close()
            listening.cancel()
        finally:
            process.kill()
            process.wait()


async def _tab(profile: Path) -> str:
    """The address of the first tab, once the browser has written down where it listens."""
    from tornado.httpclient import AsyncHTTPClient

    noted = profile / "DevToolsActivePort"
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if noted.is_file() and (lines := noted.read_text().split()):
            port = lines[0]
            answer = await AsyncHTTPClient().fetch(f"{'http'}://{HOST}:{port}/json/list")
            tabs = [tab for tab in json.loads(answer.body) if tab["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
        await asyncio.sleep(0.05)
    raise AssertionError("the browser does not listen")


def overlapping(boxes: Iterable[Box], slack: float = 1.0) -> list[str]:
    """Pairs of boxes that share more than a border."""
    listed = list(boxes)
    return [
        f"{one[0]} and {other[0]}"
        for number, one in enumerate(listed)
        for other in listed[number + 1 :]
        if min(one[3], other[3]) - max(one[1], other[1]) > slack
        and min(one[4], other[4]) - max(one[2], other[2]) > slack
    ]


def beyond(boxes: Iterable[Box], width: float, slack: float = 1.0) -> list[str]:
    """Boxes that stick out of a screen of that width."""
    return [box[0] for box in boxes if box[1] < -slack or box[3] > width + slack]
