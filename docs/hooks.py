"""MkDocs hooks: pages outside of ``docs`` are part of the site.

Pages link to each other as on a repository host: relative to their own file, also to
files outside of ``docs``. The Markdown pages of ``configs`` and ``benchmarks`` are
therefore added to the site, along with every file that a page links to, and links are
rewritten from repository paths to site paths. Broken links stay broken, so that a
strict build fails.
"""

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs"
EXTRA = ("CHANGELOG.md", "CONTRIBUTING.md", "configs/**/*.md", "benchmarks/*.md")
LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the Markdown pages outside of ``docs``, and the files that pages link to."""
    pages = {path for pattern in EXTRA for path in ROOT.glob(pattern)}
    for path in sorted(pages):
        _add(path.relative_to(ROOT).as_posix(), files, config)
    for file in list(files.documentation_pages()):
        source = Path(str(file.abs_src_path))
        for link in LINK.finditer(source.read_text(encoding="utf-8")):
            target = _target(source, link["path"])
            if target and (ROOT / target).is_file():
                _add(target, files, config)
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Rewrite links between repository files to links between site files."""
    source, current = (
        Path(str(page.file.abs_src_path)),
        PurePosixPath(page.file.src_uri),
    )

    def rewrite(link: re.Match) -> str:
        target = _target(source, link["path"])
        if target is None:
            return link[0]
        if (ROOT / target).is_dir():  # the site has no page for a plain folder
            target = f"{target}/README.md"
            if not (ROOT / target).is_file():
                return link["text"].strip("[]")
        path = os.path.relpath(_uri(target), current.parent)
        return f"{link['text']}({path}{link['anchor'] or ''})"

    return LINK.sub(rewrite, markdown)


def _add(target: str, files: Files, config: MkDocsConfig) -> None:
    if files.get_file_from_path(_uri(target)) is None:
        path = str(ROOT / target)
        files.append(File.generated(config, _uri(target), abs_src_path=path))


def _target(source: Path, link: str) -> str | None:
    """Repository path of a link; None if it leads out of the repository."""
    target = os.path.normpath(source.parent / link)
    if not target.startswith(f"{ROOT}{os.sep}"):
        return None
    return Path(target).relative_to(ROOT).as_posix()


def _uri(target: str) -> str:
    """Site path of a repository path; ``README.md`` is replaced by the home page."""
    return "index.md" if target == "README.md" else target.removeprefix(f"{DOCS}/")
