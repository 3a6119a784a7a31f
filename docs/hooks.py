"""A hook of MkDocs: pages from the root folder and a notebook, and links that work here too.

Pages link to files of the repository by relative paths. Here a link to the README or another page
of the root folder leads to its copy, and a link to a file that is no page becomes plain text.
"""

import posixpath
import re
import tomllib
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.notebook import render_notebook

ROOT = Path(__file__).parents[1]
COPIED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "docs/quickstart.ipynb": "notebook.md",
}
"""Files that are no pages of `docs/`, and the pages that they become."""
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are files of the root folder, and the notebook."""
    for source, page in COPIED.items():
        path = ROOT / source
        is_notebook = path.suffix == ".ipynb"
        text = render_notebook(path) if is_notebook else path.read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=relinked(text, source)))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the version in the title of the site, so that several may lie side by side."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.site_name = f"{config.site_name} {project['version']}"
    return config


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Return a page of `docs/` with its links out of that folder replaced."""
    if page.file.src_uri in COPIED.values():
        return markdown
    return relinked(markdown, f"docs/{page.file.src_uri}")


def relinked(text: str, source: str) -> str:
    """Return the text of a file of the repository with links for the built pages.

    Args:
        text: Markdown.
        source: Path of the file in the repository.

    >>> relinked("[a](docs/results.md#x), [b](CHANGELOG.md), [c](tuner/search.py)", "README.md")
    '[a](results.md#x), [b](changelog.md), c'
    >>> relinked("[a](../speed.md), [b](../../README.md)", "docs/reference/data.md")
    '[a](../speed.md), [b](../index.md)'
    """
    here = posixpath.dirname(COPIED.get(source, source.removeprefix("docs/")))

    def link(match: re.Match[str]) -> str:
        title, path, anchor = match[1], match[2], match[3] or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not target.startswith("docs/") and target not in COPIED:
            return title
        built = COPIED.get(target, target.removeprefix("docs/"))
        return f"[{title}]({posixpath.relpath(built, here or '.')}{anchor})"

    return LINK.sub(link, text)
