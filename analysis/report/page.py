"""The page: a template, a style sheet and scripts in one file that is readable offline."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.frames import Frames
from analysis.report.diagnostics import collect_diagnostics
from analysis.report.evaluation_results import collect_test_results
from analysis.report.leaderboard import build_leaderboard
from analysis.report.payload import build_payload, name_split
from analysis.report.provenance import describe_provenance
from analysis.report.ranking import Ranking
from analysis.report.stopped_trials import describe_savings, group_stopped_trials
from analysis.report.summary import summarize_studies
from analysis.report.trials import add_selected_epochs
from analysis.tables.comparison import PaperComparison, compare_with_papers

TEMPLATE_FOLDER = "page"
CSP_SELF, CSP_NONE = "'self'", "'none'"
SCRIPTS = (
    *("table.js", "charts.js", "curves.js", "points.js", "correlation.js", "parallel.js"),
    *("live.js", "page.js"),
)
SECTIONS = (
    *("problems", "summary", "ranking", "endings"),
    *("papers", "tested", "diagnosed", "origins"),
)
"""Parts of the page that are text: templates, in the order of the page."""


@cache
def load_templates() -> Environment:
    """Return the environment of the templates, which escapes values from studies."""
    env = Environment(
        loader=PackageLoader("analysis.report", TEMPLATE_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    compact: dict[str, object] = {"separators": (",", ":"), "allow_nan": False}
    env.policies["json.dumps_kwargs"] = compact
    return env


def render_page(frames: Frames, ranking: Ranking, *, live: bool = False) -> str:
    """Return the page.

    Args:
        frames: Of the studies that it is about.
        ranking: Of their knobs.
        live: Whether it is to ask, again and again, the server it comes from for news.
    """
    scripts = {"plotly": get_plotlyjs(), "ours": "\n".join(map(read_asset, SCRIPTS))}
    return (
        load_templates()
        .get_template("page.html")
        .render(
            title=", ".join(frames.studies),
            split=name_split(frames),
            live=live,
            policy=build_security_policy(list(scripts.values()), live=live),
            style=Markup(read_asset("page.css")),
            scripts={name: Markup(text) for name, text in scripts.items()},
            sections=render_sections(frames, ranking),
            data=build_payload(add_selected_epochs(frames)),
        )
    )


def render_sections(frames: Frames, ranking: Ranking) -> dict[str, Markup]:
    """Return the text sections of the page as HTML, by name."""
    shown = add_selected_epochs(frames)
    comparisons = [render_comparison(each) for each in compare_with_papers(frames)]
    context: Mapping[str, object] = {
        "frames": frames,
        "several": len(frames.studies) > 1,
        "summaries": summarize_studies(shown),
        "leaderboard": build_leaderboard(shown),
        "split": name_split(frames),
        "comparisons": comparisons,
        "ranking": ranking,
        "stopping": describe_savings(frames),
        "endings": group_stopped_trials(shown),
        "tested": collect_test_results(frames),
        "diagnosed": collect_diagnostics(frames),
        "origins": {name: describe_provenance(study) for name, study in frames.studies.items()},
    }
    return {
        name: Markup(load_templates().get_template(f"{name}.html").render(context))
        for name in SECTIONS
    }


def render_comparison(comparison: PaperComparison) -> dict[str, object]:
    """Return a paper's table beside ours for the templates; its HTML has been escaped."""
    html = Markup(comparison.html())
    return {"title": comparison.title, "verdicts": comparison.verdicts, "fragment": html}


def build_security_policy(scripts: list[str], *, live: bool) -> str:
    """Return the content security policy, which allows only our scripts and no network."""
    ours = " ".join(f"'sha256-{hash_script(text)}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {ours}; style-src 'unsafe-inline'; img-src data: blob:; "
        f"connect-src {CSP_SELF if live else CSP_NONE}; base-uri 'none'; form-action 'none'"
    )


def hash_script(text: str) -> str:
    """Return the SHA-256 of a text in the format of a content security policy."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def read_asset(name: str) -> str:
    """Return a file of the page."""
    return files("analysis.report").joinpath(TEMPLATE_FOLDER, name).read_text(encoding="utf-8")
