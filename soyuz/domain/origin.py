"""Whether a request comes from a page of ours: any host will do, as long as it is the same one."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_foreign(origin: str | None, fetch_site: str | None, host: str) -> bool:
    """Say whether another site's page sent this.

    `origin` and `fetch_site` are the Origin and Sec-Fetch-Site headers, `host` the Host the browser
    asked. A client that sends neither is no browser, and a right token or session must speak for it.
    """
    if origin is not None:
        try:
            return _host(urlsplit(origin).netloc) != _host(host) or origin == "null"
        except ValueError:
            return True
    return fetch_site not in (None, "same-origin", "none")


def _host(netloc: str) -> str:
    netloc = netloc.lower()
    for default in (":80", ":443"):
        netloc = netloc.removesuffix(default)
    return netloc
