"""A long conversation: older pages come before they are needed, and the reader's place does not move."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Arrive
from tests.conftest import Person, Server

pytestmark = pytest.mark.browser
MESSAGES = 400
NODES_MAX = 320
FROM_TOP_PX = 500
# Goes up, holds on to the first row in sight, and says how far it was ever seen to move while the
# older page came in above it, or null when none came.
MOVED_PX = f"""async () => {{
  const log = document.getElementById("log");
  const frame = () => new Promise(requestAnimationFrame);
  const oldest = document.querySelector(".message").dataset.key;
  log.scrollTop = {FROM_TOP_PX};
  const edge = log.getBoundingClientRect().top;
  const row = [...document.querySelectorAll(".message")]
    .find((one) => one.getBoundingClientRect().top >= edge);
  const start = row.getBoundingClientRect().top;
  const until = performance.now() + 3000;
  let moved = 0;
  while (performance.now() < until) {{
    await frame();
    moved = Math.max(moved, Math.abs(row.getBoundingClientRect().top - start));
    if (document.querySelector(".message").dataset.key !== oldest) {{
      for (let more = 0; more < 10; more += 1) {{
        await frame();
        moved = Math.max(moved, Math.abs(row.getBoundingClientRect().top - start));
      }}
      return moved;
    }}
  }}
  return null;
}}"""
COUNT_NODES = """() => {
  window.most = 0;
  const list = document.getElementById("messages");
  const count = () => (window.most = Math.max(window.most, list.querySelectorAll(".message").length));
  new MutationObserver(count).observe(list, { childList: true });
}"""
TO_END_PX = """() => {
  const log = document.getElementById("log");
  return log.scrollHeight - log.scrollTop - log.clientHeight;
}"""


FIRST_IN_SIGHT = """() => {
  const edge = document.getElementById("log").getBoundingClientRect().top;
  const texts = [...document.querySelectorAll(".message-text")];
  const first = texts.find((text) => text.getBoundingClientRect().bottom > edge);
  return [first.textContent, first.getBoundingClientRect().top - edge];
}"""


@pytest.fixture(scope="module")
def long_talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server whose lobby holds 400 messages of two people, some of several lines."""
    server = Server(tmp_path_factory.mktemp("long"), SOYUZ_SPAM_LIMIT="off", SOYUZ_FSYNC="off")
    ann, ben = Person(server, "ann", "Ann Bell"), Person(server, "ben", "Ben Cole")
    for number in range(MESSAGES):
        (ann if number // 3 % 2 else ben).says(f"message {number}" + "\nand more" * (number % 4))
    ann.leaves(), ben.leaves()
    yield server
    server.stop()


def test_scrolling_up_loads_the_past_without_moving_what_is_read(
    enter: Arrive, long_talk: Server
) -> None:
    mira = enter("mira", at=long_talk)
    messages = mira.page.locator(".message")
    expect(messages.last).to_contain_text(f"message {MESSAGES - 1}")
    assert mira.page.evaluate(TO_END_PX) < 1
    mira.page.evaluate(COUNT_NODES)
    moves = []
    while (moved := mira.page.evaluate(MOVED_PX)) is not None:
        moves.append(moved)
    assert len(moves) >= MESSAGES // 50 - 2
    assert max(moves) <= 0.5, moves
    expect(messages.first.locator(".message-text")).to_have_text("message 0")
    assert NODES_MAX - 50 < mira.page.evaluate("window.most") <= NODES_MAX
    mira.page.locator("#to-end").click()
    expect(messages.last).to_contain_text(f"message {MESSAGES - 1}")
    expect(mira.page.locator("#to-end")).to_be_hidden()
    assert mira.page.evaluate(TO_END_PX) < 1


def test_what_comes_while_reading_above_waits_behind_a_button(
    enter: Arrive, long_talk: Server
) -> None:
    mira, jonas = enter("mira", at=long_talk), enter("jonas", at=long_talk)
    mira.page.evaluate("document.getElementById('log').scrollTop -= 700")
    button = mira.page.locator("#to-end")
    expect(button).to_be_visible()
    held = mira.row(mira.page.locator(".message-text").nth(-20).inner_text())
    before = held.bounding_box()
    for number in range(3):
        jonas.writes(f"{jonas.name} brings news {number}")
    expect(button).to_have_text("3 new messages")
    assert held.bounding_box() == before
    button.click()
    expect(mira.row(f"{jonas.name} brings news 2")).to_be_in_viewport()
    expect(mira.page.locator(".new-line")).to_be_visible()
    expect(button).to_be_hidden()
    jonas.writes(f"{jonas.name} goes on")
    expect(mira.row(f"{jonas.name} goes on")).to_be_in_viewport()


def test_the_place_is_kept_when_lines_break_elsewhere(enter: Arrive, long_talk: Server) -> None:
    mira = enter("mira", at=long_talk, viewport={"width": 1100, "height": 800})
    page = mira.page
    for number in range(12):
        mira.writes(f"{number} " + f"{mira.name} has a lot to say " * 40)
    expect(page.locator(".message").last).to_have_attribute("data-state", "posted")
    page.evaluate("document.getElementById('log').scrollTop -= 1500")
    expect(page.locator("#to-end")).to_be_visible()
    text, top = page.evaluate(FIRST_IN_SIGHT)
    for width, height in ((390, 844), (844, 390), (320, 640), (1100, 800)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        found = page.evaluate(FIRST_IN_SIGHT)
        assert found[0] == text, (width, height)
        assert abs(found[1] - top) <= 1, (width, height)
    page.locator("#people-toggle").click()
    page.wait_for_timeout(300)
    assert page.evaluate(FIRST_IN_SIGHT)[0] == text
    assert abs(page.evaluate(FIRST_IN_SIGHT)[1] - top) <= 1
