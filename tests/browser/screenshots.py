"""Makes the pictures of the README from the running app: `bin/screenshots [folder]`."""

from __future__ import annotations

import itertools
import sys
import tempfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import LAUNCH_ARGS, find_chromium
from tests.browser.story import DRAFT, LAST_WORD, PEOPLE, PERSIAN_TALK, SPAM, TALK, face
from tests.browser.visitor import Visitor
from tests.conftest import ROOT, Person, Server

WIDE = {"width": 1280, "height": 800}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
MORNING_HOUR = 9
SIZE_MAX_BYTES = 300_000
SETTLED_MS = 700  # avatars decoded, what slides has slid
# Sends what is written and goes on writing before the answer comes, as a fast hand does.
SEND_AND_TYPE = """(next) => {
  document.getElementById("composer").requestSubmit();
  const text = document.getElementById("text");
  text.value = next;
  text.dispatchEvent(new Event("input"));
}"""


def main(folder: Path) -> None:
    """Start a server, let people talk, take the pictures."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        server = Server(Path(data) / "data", SOYUZ_SPAM_LIMIT="8/1m", SOYUZ_SPAM_LADDER="warn,5m")
        try:
            people = {name: Person(server, name, shown) for name, (shown, _) in PEOPLE.items()}
            put_faces(people)
            for name, text in TALK:
                people[name].says(text)
            path = find_chromium()
            browser = playwright.chromium.launch(executable_path=path, args=LAUNCH_ARGS)
            take(browser, server, people, folder)
            browser.close()
            for person in people.values():
                person.leaves()
        finally:
            server.stop()


def put_faces(people: dict[str, Person]) -> None:
    for name, (_, hue) in PEOPLE.items():
        if hue is not None:
            picture = {"avatar": (f"{name}.png", face(hue), "image/png")}
            people[name].browser.sends("/settings", files=picture)


def take(browser: Browser, server: Server, people: dict[str, Person], folder: Path) -> None:
    """Take the pictures; what changes the conversation comes last."""

    def looks(name: str, **context: Any) -> Visitor:
        visitor = Visitor(browser, server, name, timezone_id=where_it_is_morning(), **context)
        visitor.signs_in()
        return visitor

    def types(name: str, seen_by: Visitor) -> None:
        people[name].asks("typing:set", {"room": "lobby", "on": True})
        expect(seen_by.page.locator("#typing")).to_contain_text(PEOPLE[name][0])

    mira = looks("mira", viewport=WIDE, color_scheme="dark")
    mira.writes(LAST_WORD)
    mira.sees_posted(LAST_WORD)
    types("sara", seen_by=mira)
    save(mira.page, folder / "Picture1.png")

    settings = looks("mira", viewport=WIDE, color_scheme="light")
    settings.goes_to("/settings")
    save(settings.page, folder / "Picture2.png")

    phone = looks("jonas", color_scheme="light", **PHONE)
    types("ada", seen_by=phone)
    save(phone.page, folder / "Picture3.png")

    guest = Visitor(browser, server, "guest", viewport=WIDE, color_scheme="dark")
    guest.goes_to("/login")
    save(guest.page, folder / "Picture4.png")

    for name, text in PERSIAN_TALK:
        people[name].says(text)
    mirrored = looks("sara", color_scheme="dark", **PHONE)
    mirrored.page.evaluate("document.documentElement.dir = 'rtl'")
    types("arash", seen_by=mirrored)
    save(mirrored.page, folder / "Picture6.png")

    spammer = looks("kenji", viewport=WIDE, color_scheme="light")
    spams_until_banned(spammer)
    save(spammer.page, folder / "Picture5.png")


def spams_until_banned(visitor: Visitor) -> None:
    """Write more than the limit allows, be warned, go on, and leave a draft in the composer."""
    failed = visitor.page.locator(".message-failed")
    for number in itertools.count(1):
        if failed.count():
            break
        visitor.writes(f"{SPAM} {'!' * number}")
        visitor.page.wait_for_timeout(150)
    visitor.composer.fill(SPAM)
    visitor.page.evaluate(SEND_AND_TYPE, DRAFT)
    expect(visitor.page.locator("#composer-ban")).to_be_visible()


def where_it_is_morning() -> str:
    """Name a time zone in which the clock now shows nine, whenever the pictures are made."""
    east = (MORNING_HOUR - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-east:+d}"  # in these names the sign is turned round


def save(page: Page, path: Path) -> None:
    """Keep the picture as it is, or with fewer colours where it would be heavy."""
    page.wait_for_timeout(SETTLED_MS)
    path.write_bytes(page.screenshot())
    if path.stat().st_size > SIZE_MAX_BYTES:
        with Image.open(BytesIO(path.read_bytes())) as image:
            image.convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "screenshots")
