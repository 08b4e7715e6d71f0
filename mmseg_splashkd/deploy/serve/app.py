"""The routes."""

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from mmseg_splashkd.deploy.serve.asked import FIELDS, AskedOfVideo
from mmseg_splashkd.deploy.serve.body import Body
from mmseg_splashkd.deploy.serve.guard import Guard
from mmseg_splashkd.deploy.serve.page import render_page
from mmseg_splashkd.deploy.serve.pictures import (
    mask_png,
    picture_values,
    predict_picture,
)
from mmseg_splashkd.deploy.serve.refusal import UNREADABLE, GoneError, RefusedError
from mmseg_splashkd.deploy.serve.service import Service
from mmseg_splashkd.deploy.serve.turns import Turns
from mmseg_splashkd.deploy.serve.upload import received
from mmseg_splashkd.deploy.serve.videos import video_values, watch_video
from mmseg_splashkd.unwritable import UnwritableError

GONE = 499  # of nginx: nobody reads it


class OfPicture(BaseModel, extra="forbid"):
    """Query of ``POST /predict``."""

    format: Literal["json", "png"] = "json"
    coding: Literal["train_ids", "gray", "colour"] = "train_ids"
    overlay: bool = False


class OfVideo(BaseModel, extra="forbid"):
    """Query of ``POST /events``."""

    files: bool = False


def create_app(
    service: Service, turns: Turns, hosts: Collection[str], root: Path
) -> Guard:
    """An ASGI application.

    Args:
        service: The model and how it is asked.
        turns: The queue before it.
        hosts: Names that the header ``Host`` may have, without port, in lower case.
        root: Folder of this process for uploads, which others cannot read.
    """
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    palette = service.model.coding.palette
    page = render_page({**service.about(), "palette": palette})

    @app.get("/")
    async def _page() -> Response:
        headers = {"Content-Security-Policy": page.policy}
        return HTMLResponse(page.html, headers=headers)

    @app.get("/healthz")
    async def _health() -> Response:
        return JSONResponse({"ok": True, **service.about(), "requests": turns.held})

    @app.post("/predict")
    async def _predict(
        request: Request, query: Annotated[OfPicture, Query()]
    ) -> Response:
        async def answer(body: Body) -> Response:
            async with received(body, _form(request), root, ()) as upload:

                def work(_stops: Callable[[], bool]) -> Response:
                    found = predict_picture(service.model, upload.path)
                    if query.format == "png":
                        content = mask_png(found, query.coding)
                        return Response(content, media_type="image/png")
                    return JSONResponse(
                        picture_values(found, query.coding, query.overlay)
                    )

                return await turns.run(work, body.gone())

        return await _answered(request, service, turns, answer)

    @app.post("/events")
    async def _events(request: Request, query: Annotated[OfVideo, Query()]) -> Response:
        async def answer(body: Body) -> Response:
            async with received(body, _form(request), root, FIELDS) as upload:
                given = service.model, service.class_name, service.settings
                asked = AskedOfVideo.of(upload.fields, *given)

                def work(stops: Callable[[], bool]) -> Response:
                    found = watch_video(
                        service.model, upload.path, asked, service.bounds, stops
                    )
                    return JSONResponse(video_values(found, query.files))

                return await turns.run(work, body.gone())

        return await _answered(request, service, turns, answer)

    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    return Guard(app, hosts)


def _form(request: Request) -> str:
    return request.headers.get("content-type", "")


async def _answered(
    request: Request,
    service: Service,
    turns: Turns,
    answer: Callable[[Body], Awaitable[Response]],
) -> Response:
    """The answer to an upload, or a refusal."""
    body = Body(request.receive, request.headers, service.bounds)
    try:
        with turns.place():
            return await answer(body)
    except RefusedError as refusal:
        await body.drain()
        return _error(refusal.status, refusal.text, refusal.headers)
    except UnwritableError:
        return _error(507, "the drive of the server takes no more files")
    except GoneError:
        if turns.ends.is_set():
            return _error(503, "the server ends")
        return Response(status_code=GONE)


def _error(status: int, text: str, headers: Any = None) -> Response:
    return JSONResponse({"error": text}, status, headers)


async def _unknown(_request: Request, error: Any) -> Response:
    return _error(error.status_code, str(error.detail), error.headers)


async def _invalid(_request: Request, error: Any) -> Response:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return _error(UNREADABLE, f"{where}: {first['msg']}")


async def _failed(_request: Request, _error_: Any) -> Response:
    """The traceback goes to standard error of the server, not to the client."""
    return _error(500, "the server failed: its log says why")
