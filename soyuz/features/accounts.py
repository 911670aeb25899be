"""Accounts: the pages for signing up, in and out, and the setup link that makes the first admin."""

from __future__ import annotations

from flask import (
    Flask,
    Response,
    abort,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse
from wtforms import FileField, PasswordField, StringField

from soyuz import runtime
from soyuz.domain.errors import Refused
from soyuz.domain.user import User, profile
from soyuz.features.alerts import to_all
from soyuz.live.http import address_of, open_to_all, sign_in_browser, sign_out_browser
from soyuz.live.hub import Ending
from soyuz.messenger import Messenger
from soyuz.store.sessions import Session

Page = str | AnyResponse | tuple[str, int] | tuple[str, int, dict[str, str]]

# Which field a refusal's detail belongs beside.
_FIELDS = (
    ("invalid.username", "username"),
    ("taken", "username"),
    ("invalid.display_name", "display_name"),
    ("invalid.current_password", "current_password"),
    ("invalid.password", "password"),
    ("invalid.surrogate", "username"),
    ("invalid.avatar", "avatar"),
)


class LoginForm(FlaskForm):
    """Both fields as typed; what they may hold is the rules' business."""

    username = StringField()
    password = PasswordField()


class SignupForm(LoginForm):
    """A sign-up, also behind the setup link."""

    display_name = StringField()


def refuse_wrong_kinds(form: FlaskForm) -> None:
    """Refuse files where text belongs and text where a file does. Raises Refused `invalid`."""
    wrong = False
    for field in form:
        takes_files = isinstance(field, FileField)
        if any(takes_files != isinstance(v, FileStorage) for v in field.raw_data or () if v != ""):
            wrong = True
            field.data = None  # the page is shown again, with what can be shown
    if wrong:
        raise Refused("invalid")


def sentence(messenger: Messenger, refused: Refused) -> str:
    """Give a refusal in English."""
    return messenger.say(
        f"error.{refused.detail}", **refused.params, retry_after=refused.retry_after or 0
    )


def put_beside_fields(messenger: Messenger, form: FlaskForm, refused: Refused) -> Refused | None:
    """Show each refusal beside the field it is about; gives the first that is about none.

    What a browser is not sent back is said to be gone, or an empty field would pass for its content.
    """
    refusals = (refused, *refused.others)
    homeless = [one for one in refusals if not _put_beside_field(messenger, form, one)]
    for field in form:
        if not isinstance(field, PasswordField | FileField) or field.errors or not field.data:
            continue
        is_file = isinstance(field, FileField)
        field.errors = [messenger.say("page.file_dropped" if is_file else "page.password_dropped")]
    return homeless[0] if homeless else None


def _put_beside_field(messenger: Messenger, form: FlaskForm, refused: Refused) -> bool:
    names = [field for detail, field in _FIELDS if refused.detail.startswith(detail)]
    name = next((n for n in names if n in form._fields), None)
    if name is None and refused.detail.startswith("invalid.password"):
        name = "new_password"
    if name is None or name not in form._fields:
        return False
    form._fields[name].errors = [sentence(messenger, refused)]
    return True


def retry_headers(refused: Refused) -> dict[str, str]:
    """Give the Retry-After header a refusal calls for."""
    if refused.retry_after is None:
        return {}
    return {"Retry-After": str(max(1, round(refused.retry_after + 0.5)))}


def banned_page(messenger: Messenger, refused: Refused) -> Page:
    """Give the page of someone who is kept out: reason and time left."""
    reason, until = refused.params.get("reason"), refused.params.get("until")
    return render_template("banned.html", message=reason, until=until), 403


def register(messenger: Messenger, app: Flask) -> None:
    """Add the pages, and end what hangs on a session or an account when it ends."""
    _Pages(messenger).add_to(app)
    messenger.sessions.on_end.append(lambda ended: _session_ended(messenger, ended))
    messenger.users.on_change.append(lambda was, now: _account_changed(messenger, was, now))


class _Pages:
    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._gate = messenger.gate

    def add_to(self, app: Flask) -> None:
        both = ["GET", "POST"]
        app.add_url_rule("/login", "login", self.login, methods=both)
        app.add_url_rule("/signup", "signup", self.signup, methods=both)
        app.add_url_rule("/setup/<token>", "setup", self.setup, methods=both)
        app.add_url_rule("/logout", "logout", self.logout, methods=["POST"])

    @open_to_all
    def login(self) -> Page:
        if g.user and request.method == "GET":
            return redirect(url_for("chat"))
        form = LoginForm()
        if not form.is_submitted():
            return self._login_page(form)
        try:
            refuse_wrong_kinds(form)
            token = self._gate.sign_in(
                form.username.data or "",
                form.password.data or "",
                address_of(request.environ),
                request.user_agent.string,
            )
        except Refused as refused:
            return self._refuse_login(form, refused)
        return self._enter(token)

    @open_to_all
    def signup(self) -> Page:
        if g.user and request.method == "GET":
            return redirect(url_for("chat"))
        form = SignupForm()
        if not form.is_submitted():
            return render_template("signup.html", form=form, message=None)
        try:
            return self._enter(self._token_for(self._sign_up(form)))
        except Refused as refused:
            return self._refuse_signup("signup.html", form, refused)

    @open_to_all
    def setup(self, token: str) -> Page:
        if not self._gate.is_setup_token(token):
            abort(404)
        form = SignupForm()
        if not form.is_submitted():
            return render_template("setup.html", form=form, message=None)
        try:
            user = g.user or self._sign_up(form)
            is_first = self._set_up(token, user)
            response = redirect(url_for("chat")) if g.user else self._enter(self._token_for(user))
        except Refused as refused:
            return self._refuse_signup("setup.html", form, refused)
        if not is_first:
            flash(self._messenger.say("setup.too_late"))
            response.location = url_for("settings")  # which shows what was flashed
        return response

    @open_to_all
    def logout(self) -> Page:
        if g.session:
            self._messenger.sessions.end(g.session.id)
        session.clear()
        response = redirect(url_for("login"))
        sign_out_browser(response)
        return response

    def _set_up(self, token: str, user: User) -> bool:
        """Say whether the account is the admin now; somebody may have come first while it was made."""
        try:
            self._gate.set_up(token, user.username)
        except Refused as refused:
            if refused.code != "not_found":
                raise
            return False
        return True

    def _sign_up(self, form: SignupForm) -> User:
        refuse_wrong_kinds(form)
        return self._gate.sign_up(
            form.username.data or "",
            form.display_name.data or "",
            form.password.data or "",
            address_of(request.environ),
        )

    def _token_for(self, user: User) -> str:
        """Sign in whoever has just signed up. Raises Refused: what was made stays made."""
        address = address_of(request.environ)
        try:
            return self._gate.start_session(user, address, request.user_agent.string)
        except Refused:
            raise Refused("unavailable", "unavailable.signed_up") from None

    def _enter(self, token: str) -> Response | AnyResponse:
        if g.session:  # signing in again replaces this browser's sign-in
            entered = self._gate.who(token)
            if entered and entered[1].username == g.session.username:
                self._messenger.hub.move_session(g.session.id, entered[0].id)
            self._messenger.sessions.end(g.session.id)
        session.clear()  # and with it the form token
        response = redirect(url_for("chat"))
        sign_in_browser(response, token)
        return response

    def _refuse_login(self, form: LoginForm, refused: Refused) -> Page:
        if refused.code == "banned":
            return banned_page(self._messenger, refused)
        status = {"signed_out": 401, **_STATUS}.get(refused.code, 503)
        message = sentence(self._messenger, refused)
        return self._login_page(form, message), status, retry_headers(refused)

    def _login_page(self, form: LoginForm, message: str | None = None) -> str:
        is_first = not len(self._messenger.users)
        return render_template("login.html", form=form, message=message, is_first=is_first)

    def _refuse_signup(self, template: str, form: SignupForm, refused: Refused) -> Page:
        if refused.code == "banned":
            return banned_page(self._messenger, refused)
        about_none = put_beside_fields(self._messenger, form, refused)
        message = sentence(self._messenger, about_none) if about_none else None
        status = 409 if refused.detail == "taken" else _STATUS.get(refused.code, 503)
        return render_template(template, form=form, message=message), status, retry_headers(refused)


_STATUS: dict[str, int] = {"invalid": 400, "too_fast": 429, "not_found": 404}


def _session_ended(messenger: Messenger, ended: Session) -> None:
    connections = [c for c in messenger.hub.of(ended.username) if c.session_id == ended.id]
    ending = Ending("signed_out", messenger.say("ended.signed_out"))
    messenger.hub.expel(connections, ending)


def _account_changed(messenger: Messenger, was: User | None, now: User | None) -> None:
    if now is None and was is not None:
        ending = Ending("deleted", messenger.say("ended.deleted"))
        messenger.hub.expel(messenger.hub.of(was.username), ending)
        runtime.spawn(messenger.sessions.end_all, was.username)
        return
    if was is None or now is None or profile(was) == profile(now):
        return
    messenger.hub.broadcast("user:changed", profile(now))
    if was.display_name != now.display_name:
        _announce_rename(messenger, was, now)


def _announce_rename(messenger: Messenger, was: User, now: User) -> None:
    old, new = was.display_name, now.display_name
    to_all(messenger, "renamed", username=now.username, old=old, new=new)
