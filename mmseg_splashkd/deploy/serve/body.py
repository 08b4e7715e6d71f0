"""The bytes of a request, counted while they arrive."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from mmseg_splashkd.deploy.serve.bounds import MIB, Bounds
from mmseg_splashkd.deploy.serve.refusal import TOO_MUCH, GoneError, RefusedError

REST = 64 * MIB  # bytes that are still taken of a request that is refused
REST_SECONDS = 1.0


class Body:
    """The body of a request.

    Args:
        receive: ``receive`` of the ASGI application.
        headers: Headers of the request, with names in lower case.
        bounds: Limits.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        headers: Mapping[str, str],
        bounds: Bounds,
    ) -> None:
        self._receive = receive
        self._headers = headers
        self._bounds = bounds
        self._has_begun, self._is_over = False, False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces, whether it tells its length or not.

        Raises:
            GoneError: The client is gone.
            RefusedError: It is too large, or takes too long.
        """
        self._check(int(self._headers.get("content-length") or 0))
        loop = asyncio.get_running_loop()
        end = loop.time() + self._bounds.upload_seconds
        count = 0
        while not self._is_over:
            try:
                chunk = await asyncio.wait_for(self._next(), end - loop.time())
            except asyncio.TimeoutError as error:
                raise RefusedError(
                    408,
                    f"the upload took more than {self._bounds.upload_seconds:g} s: "
                    f"send a smaller file, or over a faster connection",
                ) from error
            count += len(chunk)
            self._check(count)
            yield chunk

    async def gone(self) -> None:
        """Wait until the client is gone, after all has been received."""
        with suppress(GoneError):
            while True:
                await self._next()

    async def drain(self) -> None:
        """Take a little more before a refusal is sent.

        A connection that is closed while its client sends is reset, and the client may
        never read why.
        """
        if not self._has_begun and "expect" in self._headers:
            return  # the client waits for the answer before it sends
        with suppress(asyncio.TimeoutError, GoneError):
            await asyncio.wait_for(self._take_rest(), REST_SECONDS)

    async def _take_rest(self) -> None:
        left = REST
        while not self._is_over and left > 0:
            left -= len(await self._next())

    async def _next(self) -> bytes:
        self._has_begun = True
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_over = True
            raise GoneError
        self._is_over = not message.get("more_body", False)
        return message.get("body", b"")

    def _check(self, count: int) -> None:
        if count > self._bounds.upload_bytes:
            raise RefusedError(
                TOO_MUCH,
                f"the upload has more bytes than the limit of "
                f"{self._bounds.upload_bytes}: send a smaller file, or a shorter part",
            )
