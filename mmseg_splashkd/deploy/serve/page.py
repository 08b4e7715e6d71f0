"""The page, whose only script and style are those that its policy names by hash."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jinja2 import ChoiceLoader, PackageLoader

from mmseg_splashkd.report.html import ENVIRONMENT

TEMPLATE = "page.html.j2"
INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


class Page(NamedTuple):
    """A page and its policy.

    Attributes:
        html: The page.
        policy: Header ``Content-Security-Policy``: nothing is loaded from elsewhere,
            and no other script runs, whatever text gets into the page.
    """

    html: str
    policy: str


def render_page(values: Mapping[str, Any]) -> Page:
    """Render the page.

    Args:
        values: Variables of the template, which refuses missing ones.
    """
    own = PackageLoader("mmseg_splashkd", "deploy/serve")
    loader = ChoiceLoader([own, ENVIRONMENT.loader or own])
    html = ENVIRONMENT.overlay(loader=loader).get_template(TEMPLATE).render(values)
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, content in INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(hashes['script'])}",
            f"style-src {' '.join(hashes['style'])}",
            "img-src data: blob:",
            "connect-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
    return Page(html, policy)
