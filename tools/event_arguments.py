"""Options of the tools that find events."""

import argparse

OPTIONS = {
    "--on": "share of a frame's pixels that starts an event, in (0, 1]",
    "--off": "share below which an event ends",
    "--min-seconds": "shortest event",
    "--gap-seconds": "longest gap within an event",
}


def add_event_settings(parser: argparse.ArgumentParser, of: str = "") -> None:
    """Add ``--settings`` and the options that take its place.

    Args:
        parser: The parser.
        of: What the settings are for, such as `` of --scores``.
    """
    parser.add_argument(
        "--settings",
        metavar="FILE",
        help=f"event settings{of} as JSON (default: those of the package)",
    )
    for option, text in OPTIONS.items():
        parser.add_argument(
            option, type=float, help=f"{text}{of} (default: that of the settings)"
        )


def pop_event_settings(options: dict) -> dict:
    """Take these options out of those of a tool, as arguments of ``settings_of``."""
    names = ("on", "off", "min_seconds", "gap_seconds")
    return {"file": options.pop("settings")} | {
        name: options.pop(name) for name in names
    }
