"""The guard before every page: addresses, Origin, headers, and who is signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from flask import Flask, Request, Response, abort, g, redirect, request, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.wrappers import Response as AnyResponse

from soyuz.domain.address import IPNetwork, client_address, is_loopback, is_trusted
from soyuz.domain.origin import is_foreign

Environ = dict[str, Any]
View = TypeVar("View", bound=Callable[..., Any])

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; manifest-src 'self'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
OPENER_POLICY = "same-origin"
HSTS = "max-age=31536000"
COOKIE_AGE_S = 90 * 86_400
_OWNER = "owner"
_FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_FORWARDED",
)


class Forwarded:
    """WSGI middleware outside all others: settles address and scheme, and hides the headers.

    On the way back it adds our own headers to what does not come through `guard`, as Socket.IO's
    answers do not.

    Nothing behind it can be talked into believing a forwarded header, engine.io least of all. The
    address goes to `soyuz.address`; `soyuz.direct` says that no proxy stood in between.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], trusted: Sequence[IPNetwork]) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        # Compressing for each browser apart would halve what one process can send.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        peer = environ.get("REMOTE_ADDR") or "unknown"
        forwarded = {name: environ.pop(name) for name in _FORWARDED if name in environ}
        names = {
            "cf-connecting-ip": forwarded.get("HTTP_CF_CONNECTING_IP"),
            "x-forwarded-for": forwarded.get("HTTP_X_FORWARDED_FOR"),
        }
        headers = {name: value for name, value in names.items() if value is not None}
        environ["soyuz.address"] = client_address(peer, headers, self._trusted)
        environ["soyuz.direct"] = not forwarded
        if is_trusted(peer, self._trusted):
            if forwarded.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                environ["wsgi.url_scheme"] = "https"
            if host := forwarded.get("HTTP_X_FORWARDED_HOST", "").rsplit(",", 1)[-1].strip():
                environ["HTTP_HOST"] = host
        return self._app(environ, _with_headers(start_response))


def _with_headers(start_response: Callable[..., Any]) -> Callable[..., Any]:
    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        there = {name.lower() for name, _ in headers}
        missing = [(name, HEADERS[name]) for name in HEADERS if name.lower() not in there]
        return start_response(status, [*headers, *missing], *error)

    return start


def origin_allowed(origin: str, environ: Environ) -> bool:
    """Say whether a page of this origin may open a socket here."""
    return not is_foreign(origin, environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_HOST", ""))


def address_of(environ: Environ) -> str:
    """Give the address a request is held to."""
    return str(environ.get("soyuz.address", "unknown"))


def cookie_name(environ: Environ) -> str:
    """Give the sign-in cookie's name; under https the prefix makes browsers guard it."""
    return "__Host-soyuz" if environ.get("wsgi.url_scheme") == "https" else "soyuz"


def token_of(environ: Environ) -> str | None:
    """Give the sign-in token a request carries."""
    return Request(environ).cookies.get(cookie_name(environ))


def sign_in_browser(response: AnyResponse, token: str) -> None:
    """Give the browser its sign-in cookie."""
    g.sign_in_token = token
    response.set_cookie(
        cookie_name(request.environ),
        token,
        max_age=COOKIE_AGE_S,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def sign_out_browser(response: AnyResponse) -> None:
    """Take the sign-in cookie back."""
    g.sign_in_token = None
    response.delete_cookie(
        cookie_name(request.environ),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def _owner(token: str | None) -> str:
    """Give whose a form cookie is: the id of the sign-in, nothing of those who are signed out."""
    return sha256(token.encode("utf-8", "replace")).hexdigest() if token else ""


def open_to_all(view: View) -> View:
    """Declare that a page is for people who are not signed in, too."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


class _FormCookie(SecureCookieSessionInterface):
    """Flask's own cookie carries the form token, the word for the next page, and whose they are.

    It is good for one sign-in only. Somebody else's form cookie, planted on a person (a neighbour on
    the same domain can do that), would make forms of theirs pass for the person's own.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        form = super().open_session(app, request)
        if form and form.get(_OWNER) != _owner(token_of(request.environ)):
            return self.session_class()
        return form

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified and session:
            token = g.sign_in_token if "sign_in_token" in g else token_of(request.environ)
            session[_OWNER] = _owner(token)
        super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-soyuz-form" if request.is_secure else "soyuz-form"


def refuse_foreign(app: Flask) -> None:
    """Let no other site's page change anything; whatever else is checked comes after."""

    @app.before_request
    def compare_origin() -> None:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        fetch_site = request.headers.get("Sec-Fetch-Site")
        if is_foreign(request.headers.get("Origin"), fetch_site, request.host):
            abort(403)


def guard(app: Flask, who: Callable[[str | None], tuple[Any, Any] | None]) -> None:
    """Put the guard before every view of `app`; `who` knows a token's session and user."""
    app.session_interface = _FormCookie()
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")

    @app.before_request
    def find_person() -> AnyResponse | None:
        g.session, g.user = who(token_of(request.environ)) or (None, None)
        view = app.view_functions.get(request.endpoint or "")
        if g.user is not None or view is None or getattr(view, "open_to_all", False):
            return None
        if request.method in ("GET", "HEAD", "POST"):
            return redirect(url_for("login"))
        abort(403)

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html" or "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        # Over plain http at a name of the local network browsers leave it aside, with an error.
        if request.is_secure or is_loopback(request.host):
            response.headers["Cross-Origin-Opener-Policy"] = OPENER_POLICY
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = HSTS
        return response
