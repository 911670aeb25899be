"""Ten people signing up and ten changing their picture, over and over: a process of its own.

    python -m bench.load URL COOKIE…

Works between the lines "go" and "stop" on its standard input, and answers "stop" with the counts.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from io import BytesIO

from PIL import Image

from tests.conftest import PASSWORD, Browser

AT_ONCE = 10
WIDTH, HEIGHT = 4_000, 3_000  # twelve megapixels, as phones make them
NICENESS = 10  # in life this work is done on other people's machines


def picture() -> bytes:
    """Give a JPEG of a photograph's size and weight, three to four megabytes."""
    shades = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    grain = Image.effect_noise((WIDTH, HEIGHT), 60)
    out = BytesIO()
    Image.merge("RGB", (Image.blend(shades, grain, 0.5), shades, grain)).save(out, "JPEG")
    return out.getvalue()


class Load:
    """The twenty threads; `done` counts the answers by kind and status."""

    def __init__(self, url: str, cookies: list[str]) -> None:
        self._url = url
        self._names = itertools.count(1)
        self._jpeg = picture()
        self._working = threading.Event()
        self._inside = threading.Semaphore(AT_ONCE * 2)
        self.done: Counter[str] = Counter()
        for cookie in cookies[:AT_ONCE]:
            self._repeat(self._sign_up)
            self._repeat(self._changer(cookie))

    def go(self) -> None:
        self._working.set()

    def stop(self) -> None:
        """Return when the last answer is in."""
        self._working.clear()
        for _ in range(AT_ONCE * 2):
            self._inside.acquire()
        self._inside.release(AT_ONCE * 2)

    def _repeat(self, work: Callable[[], str]) -> None:
        def run() -> None:
            while self._working.wait():
                with self._inside:
                    if self._working.is_set():
                        self.done[work()] += 1

        threading.Thread(target=run, daemon=True).start()

    def _sign_up(self) -> str:
        name = f"newcomer{os.getpid()}x{next(self._names)}"
        answer = Browser(self._url).sends("/signup", username=name, password=PASSWORD)
        return f"sign-ups {answer.status_code}"

    def _changer(self, cookie: str) -> Callable[[], str]:
        browser = Browser(self._url)
        name, _, token = cookie.partition("=")
        browser.session.cookies.set(name, token)
        form = {"csrf_token": browser.token("/settings")}

        def change() -> str:
            answer = browser.posts("/settings", data=form, files={"avatar": ("x.jpg", self._jpeg)})
            return f"pictures {answer.status_code}"

        return change


def main() -> None:
    """Work when told to."""
    os.nice(NICENESS)
    load = Load(sys.argv[1], sys.argv[2:])
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "go\n":
            load.go()
        else:
            load.stop()
            print(dict(load.done), flush=True)


if __name__ == "__main__":
    main()
