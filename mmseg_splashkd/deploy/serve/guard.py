"""Requests that another page, or a name that leads here, must not make."""

import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\[\]:]+)(:(?P<port>\d{1,5}))?")
OWN = ("same-origin", "none")  # of Sec-Fetch-Site; none: an address that was typed
PORTS = {"http": "80", "https": "443"}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
CLOSED = "default-src 'none'; frame-ancestors 'none'"


class Guard:
    """Checks where a request comes from before anything else sees it.

    A page of another site could otherwise send uploads from the browser of a user, or,
    with a name of its own that leads to 127.0.0.1 (DNS rebinding), read the answers.

    Args:
        app: The application.
        hosts: Names that the header ``Host`` may have, without port, in lower case.
    """

    def __init__(self, app: Any, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no WebSockets
        headers = Headers(scope=scope)
        body = _Body(receive, headers)
        status, text = self._judged(scope, headers)
        app = JSONResponse({"error": text}, status) if status else self._app
        await app(scope, body.receive, _with_headers(send, body))

    def _judged(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """Status and text of a refusal; 0 if there is none."""
        hosts = headers.getlist("host")
        host = HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if host is None or host["name"] not in self._hosts:
            return 400, "this host is not served here: start it with --allow-host NAME"
        if scope["method"] == "POST":
            site = headers.get("sec-fetch-site", OWN[0])
            origin = headers.get("origin")
            is_own = origin is None or _is_of(origin.lower(), host)
            if site not in OWN or not is_own:
                return 403, "requests of other sites are refused"
        return 0, ""


def _is_of(origin: str, host: re.Match[str]) -> bool:
    """Whether an origin is the host; a proxy before this server may add TLS."""
    try:
        scheme, netloc, *rest = urlsplit(origin)
    except ValueError:
        return False
    own = HOST.fullmatch(netloc)
    if own is None or scheme not in PORTS or any(rest):
        return False
    usual = PORTS[scheme]
    same_port = (own["port"] or usual) == (host["port"] or usual)
    return own["name"] == host["name"] and same_port


class _Body:
    """Whether the body of a request has been received."""

    def __init__(self, receive: Receive, headers: Headers) -> None:
        self._receive = receive
        given = headers.get("content-length", "0") != "0"
        self.is_left = given or "transfer-encoding" in headers

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        self.is_left &= message.get("more_body", False)
        return message


def _with_headers(send: Send, body: _Body) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if body.is_left:  # or the server would go on taking it
                headers["Connection"] = "close"
            for name, value in ALWAYS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", CLOSED)
        await send(message)

    return sent
