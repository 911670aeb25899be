"""What a person is told when a request is wrong or the server is in trouble: a page that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server import create_app
from soyuz.messenger import Messenger
from soyuz.settings import Settings
from soyuz.store.disk import Unavailable
from tests.conftest import PASSWORD, Person


def test_another_method_is_told_which_are_allowed(alice: Person) -> None:
    answer = alice.browser.session.put(alice.server.url + "/settings", timeout=10)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_disk_that_takes_nothing_is_said_on_a_page(tmp_path: Path) -> None:
    messenger = Messenger(Settings(data=tmp_path / "data"))
    messenger.open()
    app = create_app(messenger)
    app.config["WTF_CSRF_ENABLED"] = False
    user = messenger.gate.sign_up("ann", "", PASSWORD, "203.0.113.7")
    client, new = app.test_client(), app.test_client()
    client.set_cookie("soyuz", messenger.gate.start_session(user, "203.0.113.7", "Firefox"))
    sessions = messenger.sessions.document

    def takes_no_change(change: Any) -> None:
        if change(sessions.value):
            raise Unavailable("No space left on device")

    sessions.update = takes_no_change  # type: ignore[method-assign]
    try:
        link = f"/setup/{messenger.gate.setup_token}"
        answers = [client.post("/logout")]
        for path, name in (("/signup", "ben"), (link, "cat")):
            answers.append(new.post(path, data={"username": name, "password": PASSWORD}))
        assert [answer.status_code for answer in answers] == [503] * 3
        logout, *sign_ups = (answer.get_data(as_text=True) for answer in answers)
        assert "cannot write to its disk" in logout
        assert all("The account is made" in page for page in sign_ups)
        assert messenger.users.get("ben"), "and so it is"
    finally:
        messenger.close()
