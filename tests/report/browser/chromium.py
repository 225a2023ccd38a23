"""A headless Chromium that is spoken to over two pipes, in its DevTools protocol."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "no Chromium: tests of the reports open them in one. Install it (Debian: `apt install "
    "chromium`), or set CHROMIUM to the path of a Chromium or Chrome, or leave these tests out "
    "with `-m 'not browser'`"
)
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
"""The sandbox is off because containers seldom allow it; only pages of these tests are opened."""
Event = dict[str, Any]


def find_chromium() -> str:
    """The path of a Chromium: what CHROMIUM names, else the first of `NAMES` that is installed."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, (named,) if named else NAMES)), None)
    if found is None:
        raise FileNotFoundError(f"CHROMIUM={named}: {MISSING}" if named else MISSING)
    return found


class Chromium:
    """A browser with a profile of its own, ended with `close`."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "chromium.log"
        read, self.write_end = map(_high, os.pipe())
        self.read_end, write = map(_high, os.pipe())
        command = find_chromium()
        log = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self.pid = os.posix_spawn(
            command,
            [command, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read, 3),
                (os.POSIX_SPAWN_DUP2, write, 4),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(self.log), log, 0o600),
            ],
            setpgroup=0,
        )
        for end in (read, write):
            os.close(end)
        self.unread = b""
        self.last = 0
        self.events: dict[str, list[Event]] = {}
        """What each tab has told, in order, by session."""

    def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come first are kept."""
        self.last += 1
        message: Event = {"id": self.last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data) :]
        while (answer := self.hear()).get("id") != self.last:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def hear(self, seconds: float = 300) -> Event:
        """The next message; an event is also kept with its session."""
        until = time.monotonic() + seconds
        while b"\0" not in self.unread:
            left = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self.read_end], [], [], left)
            came = os.read(self.read_end, 1 << 20) if ready else b""
            if not came:
                why = "was silent for too long" if not ready else "has ended"
                said = self.log.read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"Chromium {why}; it said last:\n{said}")
            self.unread += came
        line, _, self.unread = self.unread.partition(b"\0")
        message: Event = json.loads(line)
        if "method" in message:
            self.events.setdefault(message.get("sessionId", ""), []).append(message)
        return message

    def open_tab(self) -> Tab:
        """A new empty tab with cookies and cache of its own."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)
        name = target["targetId"]
        session = self.ask("Target.attachToTarget", targetId=name, flatten=True)["sessionId"]
        return Tab(self, session, context)

    def close(self) -> None:
        """End the browser and all of its processes."""
        for end in (self.write_end, self.read_end):
            os.close(end)
        for _ in range(100):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.05)
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Tab:
    """One tab: every event that it sends is kept from the first on."""

    def __init__(self, chromium: Chromium, session: str, context: str) -> None:
        self.chromium, self.session, self.context = chromium, session, context
        for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
            self.ask(f"{domain}.enable")

    @property
    def events(self) -> list[Event]:
        """All that the tab has told since it was opened."""
        return self.chromium.events.get(self.session, [])

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of this tab and wait for its answer."""
        return self.chromium.ask(method, self.session, **params)

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.ask("Runtime.evaluate", expression=script, **options)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script[:200]}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def close(self) -> None:
        """Close the tab, and forget its cookies and cache."""
        self.chromium.ask("Target.disposeBrowserContext", browserContextId=self.context)


def _high(end: int) -> int:
    """The same end of a pipe above the numbers 3 and 4, which the browser's own ends take."""
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    return moved
