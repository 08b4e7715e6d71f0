"""Requests piece by piece, as a server hands them to an application."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

PATIENCE = 60.0  # seconds, after which a test fails rather than hangs


class Answer(NamedTuple):
    """An answer; its body is that of all pieces."""

    status: int
    headers: dict[str, str]
    text: str


def scope_of(
    path: str, method: str = "GET", headers: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """The scope of a request; of no ``Host``, give one."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }


def ask(
    app: Any,
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
) -> Answer:
    """Send a request; pieces of its body are what ``receive`` returns."""
    sent: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(app(scope, receive, send), PATIENCE))
    start, *pieces = sent
    headers = {k.decode(): v.decode() for k, v in start["headers"]}
    body = b"".join(piece.get("body", b"") for piece in pieces)
    return Answer(start["status"], headers, body.decode())


def pieces_of(
    chunks: Iterable[bytes],
    then: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    """``receive`` of a body; afterwards, ``then``, or nothing for ever."""
    left = list(chunks)
    count = len(left)

    async def receive() -> Mapping[str, Any]:
        nonlocal count
        if left:
            count -= 1
            return {"type": "http.request", "body": left.pop(0), "more_body": count > 0}
        if then is not None:
            return await then()
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def gone() -> Mapping[str, Any]:
    """What comes when the client has closed its connection."""
    return {"type": "http.disconnect"}
