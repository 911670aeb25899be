"""A new name and a new face are there for everyone at once."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Arrive

pytestmark = pytest.mark.browser


def picture() -> FilePayload:
    file = BytesIO()
    Image.new("RGB", (300, 200), "#b4441c").save(file, "PNG")
    return FilePayload(name="me.png", mimeType="image/png", buffer=file.getvalue())


def test_name_and_avatar_change_live_for_the_other(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    mira.writes(f"who am I, {mira.name}?")
    jonas.sees_posted(f"who am I, {mira.name}?")
    row = jonas.row(f"who am I, {mira.name}?")
    expect(row.locator(".message-avatar img")).to_have_count(0)
    settings = mira.opens_tab()
    mira.goes_to("/settings", settings)
    settings.locator("[name=avatar]").set_input_files(picture())
    expect(settings.locator("[data-avatar] img")).to_be_visible()  # seen before it is sent
    settings.fill("[name=display_name]", "Mira Okafor")
    settings.get_by_role("button", name="Save changes").click()
    expect(settings.get_by_text("Saved.")).to_be_visible()
    expect(row.locator(".message-author")).to_have_text("Mira Okafor")
    expect(row.locator(".message-avatar img")).to_have_js_property("naturalWidth", 256)
    expect(mira.page.locator("#my-avatar img")).to_have_count(1)
    expect(mira.page.locator("#my-name")).to_have_text("Mira Okafor")


def test_a_file_that_is_no_picture_changes_nothing(enter: Arrive) -> None:
    mira = enter("mira")
    mira.loads_may_fail = True  # the refusal is a 400, which the console notes
    mira.goes_to("/settings")
    files = mira.page.locator("[name=avatar]")
    files.set_input_files(FilePayload(name="a.txt", mimeType="text/plain", buffer=b"words"))
    expect(mira.page.get_by_text("That file is not a PNG")).to_be_visible()
    expect(files).to_have_value("")
    files.set_input_files(FilePayload(name="a.png", mimeType="image/png", buffer=b"not a picture"))
    mira.page.fill("[name=display_name]", "Somebody Else")
    mira.page.get_by_role("button", name="Save changes").click()
    expect(mira.page.get_by_text("This picture cannot be read.")).to_be_visible()
    expect(mira.page.locator("[name=display_name]")).to_have_value("Somebody Else")
    mira.enters()
    expect(mira.page.locator("#my-name")).to_have_text(mira.name)
