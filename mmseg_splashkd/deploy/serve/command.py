"""A server from the command line, until a signal ends it."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn

from mmseg_splashkd.deploy.choice import AUTO
from mmseg_splashkd.deploy.predict.auto_engine import chosen_engine, some_of
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.sources import find_pictures
from mmseg_splashkd.deploy.serve.address import hosts_of, listening, url_of
from mmseg_splashkd.deploy.serve.app import create_app
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.serve.guard import Guard
from mmseg_splashkd.deploy.serve.service import Service
from mmseg_splashkd.deploy.serve.turns import Turns
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.limits import PIXELS

CONNECTIONS = 100  # open at once, of all kinds of requests
PIXELS_OF_CLIENTS = 25_000_000  # a frame then takes some 500 MB while it is predicted
GRACE = 10  # seconds for what is received when a signal comes


@dataclass(frozen=True)
class Asked:
    """What is served, and where.

    Args:
        model: File of the model; with ``config``, ``engine`` and ``threads`` see
            ``SplashModel.load``.
        config: Config of weights.
        engine: Engine by name; ``'auto'``: the fastest on this machine that predicts
            the same, see ``engine_for``.
        threads: Number of threads.
        samples: Pictures, or folders of them, on which ``'auto'`` measures.
        class_name: Class that is watched; None: the last one.
        host: Name or address of an interface; default that of this machine alone.
        port: Port; 0: any that is free.
        allowed: Names that clients may call the host by.
        pixels: Limit of pixels of a frame, from 1; None: that of the environment
            variable of ``limits.PIXELS``, or 25 million.
        bounds: Other limits.
        settings: When a series of shares is an event; None: ``EventSettings()``.
    """

    model: str
    config: str | None = None
    engine: str | None = None
    threads: int | None = None
    samples: Sequence[str] = ()
    class_name: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    allowed: Sequence[str] = ()
    pixels: int | None = None
    bounds: Bounds = field(default_factory=Bounds)
    settings: EventSettings | None = None


def serve_and_tell(asked: Asked) -> int:
    """Serve a page for pictures and videos, and print its address.

    Args:
        asked: What is served, and where.

    Returns:
        Exit status 0, if anything but a signal ended it.

    Raises:
        FileNotFoundError: A file is missing.
        ImportError: An engine is not installed.
        KeyboardInterrupt: A signal ended it.
        ValueError: An argument is invalid, the port is in use, or the file is no model.
    """
    hosts = hosts_of(asked.host, asked.allowed)
    if asked.samples and asked.engine != AUTO:
        raise ValueError("--samples has no effect without --engine auto")
    with ExitStack() as stack:
        if (pixels := _pixels(asked)) is not None:
            stack.enter_context(PIXELS.held_at(pixels))
        listener = stack.enter_context(listening(asked.host, asked.port))
        service = _service(asked)
        root = stack.enter_context(tempfile.TemporaryDirectory(prefix="splashkd_"))
        turns = Turns(asked.bounds.waiting)
        stack.callback(turns.close)
        app = create_app(service, turns, hosts, Path(root))
        print(service.decision, f"Page: {url_of(listener)}", sep="\n", flush=True)
        server_of(app, turns).run(sockets=[listener])
    return 0


def _pixels(asked: Asked) -> int | None:
    """The limit of pixels; None: that of the environment."""
    if asked.pixels is None:
        return None if PIXELS.variable in os.environ else PIXELS_OF_CLIENTS
    if asked.pixels < 1:
        raise ValueError(f"--max-pixels {asked.pixels}: give a whole number from 1")
    return asked.pixels


def _service(asked: Asked) -> Service:
    engine = asked.engine
    if engine == AUTO:
        if not asked.samples:
            raise ValueError(
                f"--engine {AUTO} measures pictures: name some by --samples, or an "
                f"engine"
            )
        frames = some_of(find_pictures(asked.samples))
        engine = chosen_engine(None, asked.model, frames, asked.threads)
    model = SplashModel.load(asked.model, asked.config, engine, asked.threads)
    name = model.engine.meta.run or Path(asked.model).stem
    settings = asked.settings or EventSettings()
    return Service(model, name, asked.class_name, settings, asked.bounds)


class _Server(uvicorn.Server):
    """A server that also ends the work in its queue when a signal comes."""

    def __init__(self, config: uvicorn.Config, turns: Turns) -> None:
        super().__init__(config)
        self._turns = turns

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._turns.ends.set()
        super().handle_exit(sig, frame)


def server_of(app: Guard, turns: Turns) -> uvicorn.Server:
    """A server of an application.

    Args:
        app: The application.
        turns: Its queue, whose work ends when a signal comes.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,  # errors go to standard error
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
    )
    return _Server(config, turns)
