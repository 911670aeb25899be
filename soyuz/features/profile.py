"""Profile: display name, picture, password and the list of places one is signed in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from flask import (
    Flask,
    Response,
    abort,
    flash,
    g,
    get_flashed_messages,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField, FileField, PasswordField, StringField

from soyuz import runtime
from soyuz.domain.browser import describe
from soyuz.domain.errors import Refused, check_all
from soyuz.domain.instant import iso
from soyuz.domain.text import clean_display_name
from soyuz.domain.user import User
from soyuz.features.accounts import (
    Page,
    put_beside_fields,
    refuse_wrong_kinds,
    retry_headers,
    sentence,
)
from soyuz.features.avatar import convert
from soyuz.live.http import sign_in_browser
from soyuz.messenger import Messenger
from soyuz.store.disk import Unavailable

log = logging.getLogger("soyuz")

AVATAR_MAX_BYTES = 5 * 1024 * 1024
CONVERSIONS_AT_ONCE = 1  # each may take 250 MB for a moment
CONVERSIONS_WAITING = 20


class SettingsForm(FlaskForm):
    """Any subset of it may be sent."""

    display_name = StringField()
    avatar = FileField()
    remove_avatar = BooleanField()
    current_password = PasswordField()
    new_password = PasswordField()


def register(messenger: Messenger, app: Flask) -> None:
    """Add the settings page and the pictures."""
    settings = _Settings(messenger)
    app.add_url_rule("/settings", "settings", settings.page, methods=["GET", "POST"])

    @app.get("/uploads/<path:name>")
    def uploads(name: str) -> Response:
        path = messenger.uploads.find(name)
        if path is None:
            abort(404)
        response = send_file(path, mimetype="image/webp", conditional=True)
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        response.headers["Content-Disposition"] = "inline"
        return response


class _Edit:
    """What is to change in an account's row; `replaced` is then the picture that stood there."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        self.replaced: str | None = None
        self._changes = changes

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        self.replaced = row.get("avatar") if "avatar" in self._changes else None
        return {**row, **self._changes}


def _typed(current: str) -> None:
    if not current:  # no hash is paid to find that out
        raise Refused("invalid", "invalid.current_password")


class _Settings:
    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._converting = runtime.Pool(CONVERSIONS_AT_ONCE, CONVERSIONS_WAITING)

    def page(self) -> Page:
        form = SettingsForm()
        if request.method == "GET":
            form.display_name.data = g.user.display_name
            return self._render(form)
        try:
            refuse_wrong_kinds(form)
            if "sign_out_everywhere" in request.form:
                self._messenger.sessions.end_all(g.user.username, keep=g.session.id)
                flash(self._messenger.say("settings.signed_out_everywhere"))
                return redirect(url_for("settings"))
            response = self._save(form)
        except RequestEntityTooLarge:
            raise
        except Refused as refused:
            return self._refuse(form, refused)
        except Unavailable:
            return self._refuse(form, Refused("unavailable", "unavailable.disk"))
        flash(self._messenger.say("settings.saved"))
        return response

    def _save(self, form: SettingsForm) -> AnyResponse:
        """Check everything, keep the picture, then change the account in one write, or nothing."""
        changes: dict[str, Any] = {}
        shown = request.form.get("display_name")
        current, new = form.current_password.data or "", form.new_password.data or ""
        name, picture, _, _ = check_all(
            lambda: clean_display_name(shown) if shown is not None else None,
            lambda: self._picture(form.avatar.data),
            lambda: _typed(current) if new else None,
            lambda: self._messenger.gate.checked_password(g.user, new) if current or new else None,
        )
        if name is not None and name != g.user.display_name:
            changes["display_name"] = name
        if picture is not None:
            changes["avatar"] = self._keep(picture)
        elif form.remove_avatar.data:
            changes["avatar"] = None
        edit = _Edit(changes)
        try:
            changed = self._change(form, edit)
        except BaseException:
            self._remove(changes.get("avatar"))
            raise
        self._remove(edit.replaced)
        response = redirect(url_for("settings"))
        if changed:
            self._renew_session(response, changed)
        return response

    def _change(self, form: SettingsForm, edit: _Edit) -> User | None:
        """Write the edit; gives the account if it has a new password."""
        user: User = g.user
        current, new = form.current_password.data or "", form.new_password.data or ""
        if new:
            return self._messenger.gate.change_password(user, current, new, edit)

        def put(rows: Mapping[str, Any]) -> dict[str, Any]:
            if user.username not in rows:
                raise Refused("not_found", "not_found.user", username=user.username)
            return {user.username: edit(rows[user.username])}

        self._messenger.users.document.update(put)
        return None

    def _picture(self, upload: FileStorage | Literal[""] | None) -> bytes | None:
        if not upload:  # nor is a file without a name one that was chosen
            return None
        content = upload.stream.read(AVATAR_MAX_BYTES + 1)
        if len(content) > AVATAR_MAX_BYTES:
            raise Refused("invalid", "invalid.avatar_bytes", max=AVATAR_MAX_BYTES // 1024 // 1024)
        try:
            return self._converting.run(convert, content)
        except runtime.Busy:
            raise Refused("unavailable", "unavailable.pictures", retry_after=5.0) from None

    def _keep(self, picture: bytes) -> str:
        try:
            return self._messenger.uploads.put_avatar(picture)
        except OSError as error:
            log.error("a picture could not be kept: %s", error)
            raise Refused("unavailable", "unavailable.disk") from None

    def _remove(self, name: str | None) -> None:
        if name:
            try:
                self._messenger.uploads.remove(name)
            except OSError as error:  # it is only in the way
                log.error("%s could not be removed: %s", name, error)

    def _renew_session(self, response: AnyResponse, changed: User) -> None:
        """A new password signs out everywhere else, and gives this browser a new token."""
        old = g.session
        sessions = self._messenger.sessions
        token = self._messenger.gate.start_session(changed, old.address, old.browser)
        found = sessions.find(token, self._messenger.clock.now())
        if found:  # the pages open in this browser stay open
            self._messenger.hub.move_session(old.id, found.id)
        sessions.end_all(old.username, keep=found.id if found else None)
        session.clear()  # and with it the form token
        sign_in_browser(response, token)

    def _refuse(self, form: SettingsForm, refused: Refused) -> Page:
        about_none = put_beside_fields(self._messenger, form, refused)
        message = sentence(self._messenger, about_none) if about_none else None
        status = {"invalid": 400, "too_fast": 429}.get(refused.code, 503)
        return self._render(form, message), status, retry_headers(refused)

    def _render(self, form: SettingsForm, message: str | None = None) -> str:
        sessions = [
            {
                "id": s.id,
                "browser": describe(s.browser),
                "address": s.address,
                "created_at": iso(s.created_at),
                "seen_at": iso(s.seen_at),
                "current": s.id == g.session.id,
            }
            for s in self._messenger.sessions.of(g.user.username)
        ]
        saved = next(iter(get_flashed_messages()), None)
        return render_template(
            "settings.html", form=form, sessions=sessions, saved=saved, message=message
        )
