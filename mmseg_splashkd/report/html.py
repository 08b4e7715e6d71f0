"""Rendering of the HTML templates."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.formatting import number

ENVIRONMENT = Environment(
    loader=PackageLoader("mmseg_splashkd", "report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.globals["number"] = number


def write_page(template: str, out: str | Path, **values: Any) -> Path:
    """Render a template that extends ``base.html.j2`` and write it atomically.

    Args:
        template: Path of the template below ``report``.
        out: The HTML file; its folder is created.
        **values: Variables of the template.

    Returns:
        ``out``.
    """
    return write_whole(out, ENVIRONMENT.get_template(template).render(**values))
