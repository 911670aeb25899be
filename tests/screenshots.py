"""Makes the pictures of the README from the running app: `bin/screenshots`."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import LAUNCH_ARGS, find_chromium
from tests.conftest import PASSWORD, ROOT, Person, Server

TALK = (
    ("jonas", "Jonas Lind", "Morning! The ground station plan is up: https://example.org/plan"),
    ("ada", "Ada Moreau", "Reading it now. The timeline looks tight, but it can work."),
    ("ada", "Ada Moreau", "Could someone check the antenna part?"),
    ("sara", "سارا رضایی", "من آنتن را بررسی می‌کنم، تا عصر خبر می‌دهم."),
    ("jonas", "Jonas Lind", "Thank you, Sara!"),
    ("ken", "Kenji Tanaka", "I can bring the soldering iron on Friday."),
    ("ken", "Kenji Tanaka", "🚀🚀"),
)


def main() -> None:
    """Start a server, let people talk, take the pictures."""
    pictures = ROOT / "screenshots"
    pictures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", SOYUZ_SPAM_LIMIT="off")
        people: dict[str, Person] = {}
        for name, shown, text in TALK:
            if name not in people:
                people[name] = Person(server, name, shown)
            people[name].says(text)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH_ARGS)
            wide = {"width": 1280, "height": 800}
            page = browser.new_context(viewport=wide, color_scheme="dark").new_page()
            sign_up(page, server)
            people["ada"].asks("typing:set", {"room": "lobby", "on": True})
            page.wait_for_timeout(1_000)
            save(page, pictures / "Picture1.png")
            state = page.context.storage_state()
            light = browser.new_context(viewport=wide, color_scheme="light", storage_state=state)
            page = light.new_page()
            page.goto(f"{server.url}/settings")
            save(page, pictures / "Picture2.png")
            phone = browser.new_context(
                viewport={"width": 390, "height": 844},
                device_scale_factor=2,
                color_scheme="light",
                storage_state=state,
            )
            page = phone.new_page()
            page.goto(server.url)
            page.wait_for_timeout(1_500)
            save(page, pictures / "Picture3.png")
            page = browser.new_context(viewport=wide, color_scheme="dark").new_page()
            page.goto(f"{server.url}/login")
            save(page, pictures / "Picture4.png")
            browser.close()
        for someone in people.values():
            someone.leaves()
        server.stop()


def sign_up(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/signup")
    page.fill("[name=username]", "mira")
    page.fill("[name=display_name]", "Mira Okafor")
    page.fill("[name=password]", PASSWORD)
    page.click("form [type=submit]")
    expect(page.locator("textarea")).to_be_focused()
    page.wait_for_timeout(1_000)
    page.fill("textarea", "Perfect. See you all on Friday then!")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(1_500)


def save(page: Page, path: Path) -> None:
    """Keep a picture small: 256 colours are plenty for a page."""
    with Image.open(BytesIO(page.screenshot())) as image:
        image.convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main()
