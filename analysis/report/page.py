"""The page: a template, a style sheet and scripts, all in one file that needs no network."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.frames import Frames
from analysis.report.diagnosed import diagnosed
from analysis.report.endings import endings, stopping
from analysis.report.origins import origins
from analysis.report.payload import payload
from analysis.report.ranking import Ranking
from analysis.report.rows import selected_rows
from analysis.report.summary import summaries
from analysis.report.tested import tested
from analysis.tables import Comparison, against_papers

FOLDER = "page"
SELF, NOWHERE = "'self'", "'none'"
SCRIPTS = ("table.js", "charts.js", "live.js", "page.js")
SECTIONS = (
    *("problems", "summary", "ranking", "endings"),
    *("papers", "tested", "diagnosed", "origins"),
)
"""Parts of the page that are text: templates, in the order of the page."""


@cache
def templates() -> Environment:
    """Return where templates lie; whatever a study says is escaped."""
    env = Environment(
        loader=PackageLoader("analysis.report", FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compact: dict[str, Any] = {"separators": (",", ":"), "allow_nan": False}
    env.policies["json.dumps_kwargs"] = compact
    return env


def page(frames: Frames, ranking: Ranking, *, live: bool = False) -> str:
    """Return the page.

    Args:
        frames: Of the studies that it is about.
        ranking: Of their knobs.
        live: Whether it is to ask, again and again, the server it comes from for news.
    """
    scripts = {"plotly": get_plotlyjs(), "ours": "\n".join(map(asset, SCRIPTS))}
    return (
        templates()
        .get_template("page.html")
        .render(
            title=", ".join(frames.studies),
            live=live,
            policy=policy(list(scripts.values()), live=live),
            style=Markup(asset("page.css")),
            scripts={name: Markup(text) for name, text in scripts.items()},
            sections=sections(frames, ranking),
            data=payload(selected_rows(frames)),
        )
    )


def sections(frames: Frames, ranking: Ranking) -> dict[str, Markup]:
    """Return the parts of the page that are text, as HTML by name."""
    shown = selected_rows(frames)
    comparisons = [fragment(each) for each in against_papers(frames)]
    said: Mapping[str, Any] = {
        "frames": frames,
        "several": len(frames.studies) > 1,
        "summaries": summaries(shown),
        "comparisons": comparisons,
        "ranking": ranking,
        "stopping": stopping(frames),
        "endings": endings(shown),
        "tested": tested(frames),
        "diagnosed": diagnosed(frames),
        "origins": {name: origins(study) for name, study in frames.studies.items()},
    }
    return {
        name: Markup(templates().get_template(f"{name}.html").render(said)) for name in SECTIONS
    }


def fragment(comparison: Comparison) -> dict[str, Any]:
    """Return a paper's table beside ours for the templates; its HTML has been escaped."""
    html = Markup(comparison.html())
    return {"title": comparison.title, "verdicts": comparison.verdicts, "fragment": html}


def policy(scripts: list[str], *, live: bool) -> str:
    """Return the content security policy: our scripts and no others, and no network."""
    ours = " ".join(f"'sha256-{digest(text)}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {ours}; style-src 'unsafe-inline'; img-src data: blob:; "
        f"connect-src {SELF if live else NOWHERE}; base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """Return the SHA-256 of a text as a content security policy has it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def asset(name: str) -> str:
    """Return a file of the page."""
    return files("analysis.report").joinpath(FOLDER, name).read_text(encoding="utf-8")
