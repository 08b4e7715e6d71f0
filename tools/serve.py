"""A page for pictures and videos over HTTP: ``python tools/serve.py MODEL``.

MODEL is a file of tools/export.py, or weights. docs/serve.md. Ctrl-C ends it. The exit
status is 2 if it cannot be served, and otherwise that of the signal, such as 130.
"""

import argparse

from event_arguments import add_event_settings, pop_event_settings
from model_arguments import add_model_options

# Option -> argument of ``Bounds``, type, what it is and its default.
BOUNDS = {
    "--max-bytes": ("upload_bytes", int, "bytes of an upload (default: 256 MiB)"),
    "--max-upload-seconds": (
        "upload_seconds",
        float,
        "seconds in which an upload has to arrive (default: 300)",
    ),
    "--max-seconds": (
        "video_seconds",
        float,
        "duration of a video in seconds (default: 600)",
    ),
    "--max-frames": ("video_frames", int, "frames of a video (default: 20000)"),
    "--max-waiting": (
        "waiting",
        int,
        "requests that may wait beside the one that is worked on (default: 4)",
    ),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Serve a page, and an API over HTTP, that predicts pictures and "
        "finds events of splash in videos. By default only this machine reaches it; "
        "nothing asks for a password."
    )
    parser.add_argument("model", help="file of export.py or quantize.py, or weights")
    add_model_options(parser)
    parser.add_argument(
        "--samples",
        nargs="+",
        default=(),
        metavar="PICTURES",
        help="pictures, or folders of them, on which --engine auto measures",
    )
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="class that is watched in videos (default: the last one)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="interface; another one than that of this machine alone needs "
        "--allow-host (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="0: any that is free (default: 8000)"
    )
    parser.add_argument(
        "--allow-host",
        dest="allowed",
        nargs="+",
        default=(),
        metavar="NAME",
        help="names by which clients may call it, without port",
    )
    for option, (name, kind, text) in BOUNDS.items():
        parser.add_argument(option, dest=name, type=kind, help=f"most {text}")
    parser.add_argument(
        "--max-pixels",
        dest="pixels",
        type=int,
        help="most pixels of a picture or frame (default: SPLASHKD_MAX_PIXELS, or 25 "
        "million)",
    )
    add_event_settings(parser)
    return parser.parse_args()


def main(options: dict) -> int:
    """Serve; return the exit status."""
    # Imported here, because --help does not need torch, which takes seconds to import.
    from mmseg_splashkd.deploy.serve.bounds import Bounds
    from mmseg_splashkd.deploy.serve.command import Asked, serve_and_tell
    from mmseg_splashkd.report.events import settings_of

    settings = settings_of(**pop_event_settings(options))
    names = [name for name, _, _ in BOUNDS.values()]
    bounds = {name: options.pop(name) for name in names}
    given = {name: value for name, value in bounds.items() if value is not None}
    return serve_and_tell(Asked(**options, bounds=Bounds(**given), settings=settings))


if __name__ == "__main__":
    from boundary import run_tool

    run_tool(lambda: main(vars(parse_args())), "cannot serve", 2)
