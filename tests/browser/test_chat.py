"""Two people write to each other: at once, in order, as typed."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import Error, expect

from tests.browser.conftest import Arrive

pytestmark = pytest.mark.browser
HOSTILE = (
    "<img src=x onerror=\"window.pwned = 'img'\">",
    "<script>window.pwned = 'script'</script>",
    '"><svg/onload=window.pwned=1>',
    "{{ 7 * 7 }} {% raw %} ${7 * 7} &lt;b&gt;",
    "javascript:window.pwned=2 data:text/html,<b>3",
    "\u202eevil\u202c \u2066isolate\u2069 \u200fmark",
)
SEND_AND_LOOK = """async () => {
  document.getElementById("composer").requestSubmit();
  await new Promise(requestAnimationFrame);
  return document.querySelector(".message:last-child .message-text")?.textContent;
}"""
HIDE = """() => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
SHOW = (
    """() => { delete document.hidden; document.dispatchEvent(new Event("visibilitychange")); }"""
)
WIDER_THAN_THEIR_COLUMN = """rows => rows
  .filter(row => row.scrollWidth > row.clientWidth + 1)
  .map(row => row.textContent.slice(0, 60))"""


def test_two_people_hear_each_other_in_one_order(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    for number in range(3):
        mira.writes(f"{mira.name} says {number}")
        jonas.sees_posted(f"{mira.name} says {number}")
        jonas.writes(f"{jonas.name} answers {mira.name}, {number}")
        mira.sees_posted(f"{jonas.name} answers {mira.name}, {number}")
    assert len(mira.reads(mira.name)) == 6
    assert mira.reads(mira.name) == jonas.reads(mira.name)


def test_an_own_message_shows_in_the_next_frame_and_becomes_real_when_the_server_says_so(
    enter: Arrive,
) -> None:
    mira = enter("mira")
    text = f"{mira.name} is quick"
    mira.server.process.send_signal(signal.SIGSTOP)
    try:
        mira.composer.fill(text)
        assert mira.page.evaluate(SEND_AND_LOOK) == text
        expect(mira.row(text)).to_have_attribute("data-state", "sending")
    finally:
        mira.server.process.send_signal(signal.SIGCONT)
    mira.sees_posted(text)


def test_the_typing_line_shows_and_goes(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas", display_name="Jonas Lind")
    line = mira.page.locator("#typing")
    jonas.composer.press_sequentially("Hi", delay=20)
    expect(line).to_have_text("Jonas Lind is typing…")
    jonas.writes("Hi there")
    expect(line).to_be_empty()
    jonas.composer.press_sequentially("And", delay=20)
    expect(line).to_have_text("Jonas Lind is typing…")
    expect(line).to_be_empty()  # forgotten after six seconds, though the text still stands there


def test_nothing_typed_becomes_markup(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas", display_name="<b>Jonas</b>\u202e")
    for text in HOSTILE:
        jonas.writes(text)
        mira.sees_posted(text)
    shown = mira.page.locator(".message-text").all_text_contents()
    assert tuple(shown[-len(HOSTILE) :]) == HOSTILE
    expect(mira.page.locator(".message-author").last).to_contain_text("<b>Jonas</b>")
    for someone in (mira, jonas):
        made = someone.page.locator(":is(.message-text, .message-author) :not(p, a, br)")
        assert made.count() == 0
        assert someone.page.locator("#messages a[href^=javascript]").count() == 0
        assert someone.page.evaluate("window.pwned") is None


def test_the_policy_stops_markup_that_a_mistake_would_let_through(enter: Arrive) -> None:
    mira = enter("mira")
    with pytest.raises(Error, match="TrustedHTML"):
        mira.page.evaluate("document.body.innerHTML = '<b>x</b>'")
    mira.page.evaluate("document.body.setAttribute('style', 'color: red')")
    mira.sees_complaint("policy violation: require-trusted-types-for")
    mira.sees_complaint("policy violation: style-src")
    mira.complaints.clear()


def test_links_lead_where_they_say_and_tell_nothing(enter: Arrive) -> None:
    mira = enter("mira")
    mira.writes("see https://example.org/a, (http://example.org/b) and https://bank@evil.test/")
    links = mira.page.locator(".message").last.locator("a")
    expect(links).to_have_text(["https://example.org/a", "http://example.org/b"])
    for number, address in enumerate(("https://example.org/a", "http://example.org/b")):
        expect(links.nth(number)).to_have_attribute("href", address)
        expect(links.nth(number)).to_have_attribute("rel", "noopener nofollow")
        expect(links.nth(number)).to_have_attribute("target", "_blank")


def test_a_draft_survives_a_reload(enter: Arrive) -> None:
    mira = enter("mira")
    mira.composer.fill("half a thought,\non two lines")
    mira.reloads()
    expect(mira.composer).to_have_value("half a thought,\non two lines")
    mira.writes(f"{mira.name} is done")
    mira.sees_posted(f"{mira.name} is done")
    mira.reloads()
    expect(mira.composer).to_have_value("")


def test_the_title_counts_what_came_while_the_tab_was_hidden(enter: Arrive) -> None:
    mira, jonas = enter("mira"), enter("jonas")
    mira.page.evaluate(HIDE)
    for number in range(2):
        jonas.writes(f"{jonas.name} calls {number}")
    expect(mira.page).to_have_title("(2) Lobby")
    mira.page.evaluate(SHOW)
    expect(mira.page).to_have_title("Lobby · Soyuz")


@pytest.mark.parametrize("width", [320, 1280])
def test_long_words_bend_and_break_nothing(enter: Arrive, width: int) -> None:
    mira = enter("mira", viewport={"width": width, "height": 700}, display_name="W" * 40)
    last = f"{mira.name} " + "x" * 600
    for text in ("https://example.org/" + "y" * 300, "🚀" * 120, "ﷺ" * 90, "\n" * 9 + "end", last):
        mira.writes(text)
    mira.sees_posted(last)
    assert mira.overflow_px() <= 0
    assert mira.page.locator(".message-main").evaluate_all(WIDER_THAN_THEIR_COLUMN) == []
