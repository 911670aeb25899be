"""What a change in the settings leaves on the disk, also when it fails halfway."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from server import create_app
from soyuz.messenger import Messenger
from soyuz.settings import Settings
from tests.conftest import PASSWORD, MakePerson, Server, StartServer


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (9, 9), "red").save(out, "PNG")
    return out.getvalue()


def files_of(server: Server) -> set[str]:
    return {path.name for path in server.file("uploads/avatars").iterdir()}


def test_a_picture_and_a_password_change_together_or_not_at_all(
    start_server: StartServer, person: MakePerson
) -> None:
    server = start_server()
    ann = person("ann", at=server)
    other = ann.signs_in_elsewhere()
    both: dict[str, Any] = {
        "files": {"avatar": ("x.png", picture())},
        "current_password": PASSWORD,
        "new_password": "a new pass word",
        "display_name": "Annie",
    }
    before = server.shows("users.json", lambda users: "ann" in users)
    wrong = ann.browser.sends("/settings", **{**both, "current_password": "wrong"})
    assert wrong.status_code == 400
    assert files_of(server) == set(), "the picture was kept first, and is taken away again"
    server.file("uploads/avatars").rmdir()
    server.file("uploads/avatars").write_text("where the folder was")
    assert ann.browser.sends("/settings", **both).status_code == 503
    assert ann.opens_tab().hears("session:ready")["me"]["display_name"] == "ann"
    assert server.shows("users.json", bool) == before
    assert other.opens("/").status_code == 200
    server.file("uploads/avatars").unlink()
    server.file("uploads/avatars").mkdir()
    assert ann.browser.sends("/settings", **both).status_code == 302
    users = server.shows("users.json", lambda users: users["ann"]["display_name"] == "Annie")
    row = users["ann"]
    assert {row["avatar"]} == {f"avatars/{name}" for name in files_of(server)}
    assert other.opens("/").status_code == 302


def test_the_picture_that_stood_there_is_removed_whoever_put_it_there(tmp_path: Path) -> None:
    messenger = Messenger(Settings(data=tmp_path / "data"))
    messenger.open()
    app = create_app(messenger)
    app.config["WTF_CSRF_ENABLED"] = False
    user = messenger.gate.sign_up("ann", "", PASSWORD, "203.0.113.7")
    client = app.test_client()
    client.set_cookie("soyuz", messenger.gate.start_session(user, "203.0.113.7", "Firefox"))
    put_avatar = messenger.uploads.put_avatar

    def is_overtaken(content: bytes) -> str:
        name = put_avatar(content)
        messenger.users.change("ann", avatar=put_avatar(content))  # by another tab
        return name

    messenger.uploads.put_avatar = is_overtaken  # type: ignore[method-assign]
    try:
        answer = client.post("/settings", data={"avatar": (BytesIO(picture()), "x.png")})
        assert answer.status_code == 302
        kept = {path.name for path in (tmp_path / "data/uploads/avatars").iterdir()}
        user_now = messenger.users.get("ann")
        assert user_now
        assert {user_now.avatar} == {f"avatars/{name}" for name in kept}
    finally:
        messenger.close()
