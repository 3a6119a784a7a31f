"""Our cells beside the published ones, and the verdict on what the paper concludes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.frames import Frames, Study
from analysis.tables.cells import Cell, cells
from analysis.tables.claims import CLAIMS, Claim
from analysis.tables.columns import chosen
from analysis.tables.footnotes import marks, notes
from analysis.tables.papers import SPACES, Source
from analysis.tables.remarks import about, left_out, several
from analysis.tables.runs import another_question, epochs, otherwise, variants
from analysis.tables.sheet import Line, Sheet
from analysis.tables.verdict import cell as cell_of
from analysis.tables.verdict import verdict


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A table of a paper beside ours.

    Attributes:
        title: Which table, and which studies.
        source: The table; none for a table of a user's own.
        sheet: What is printed.
        studies: Their names.
    """

    title: str
    source: Source | None
    sheet: Sheet
    studies: tuple[str, ...]

    @property
    def verdicts(self) -> list[str]:
        """What our seeds say of each conclusion of the paper."""
        return list(self.sheet.verdicts)

    def html(self) -> str:
        """Return a fragment of a page."""
        return self.sheet.html()

    def markdown(self) -> str:
        """Return a Markdown table."""
        return self.sheet.markdown()

    def latex(self) -> str:
        """Return a LaTeX table, which needs booktabs."""
        return self.sheet.latex()


def against_papers(frames: Frames) -> list[Comparison]:
    """Return a comparison for each table of a paper that there are studies of.

    Studies that differ in their seeds alone make one table. A study of another space is compared
    with those published rows whose settings are exactly what it ran, if there are any.
    """
    found = (comparison(frames, studies) for studies in grouped(frames))
    return [each for each in found if each is not None]


def grouped(frames: Frames) -> list[list[Study]]:
    """Return the studies, those together that differ in their seeds alone."""
    groups: dict[str, list[Study]] = {}
    for study in frames.studies.values():
        alike = [study.said.get("space"), variants(study), epochs(study), otherwise(study)]
        groups.setdefault(json.dumps(alike, sort_keys=True, default=str), []).append(study)
    return list(groups.values())


def comparison(frames: Frames, studies: Sequence[Study]) -> Comparison | None:
    """Return studies beside the table that they are runs of; none if there is nothing published."""
    space = str(studies[0].said.get("space", ""))
    source = SPACES.get(space)
    ours = cells(frames, studies)
    some = list(ours.each.values())
    if source is None:
        some = [cell for cell in some if cell.published]
        if not some:
            return None
    names = tuple(study.name for study in studies)
    what = source.title if source else f"Published rows that {space} ran"
    return Comparison(
        title=f"{what}: {', '.join(names)}",
        source=source,
        studies=names,
        sheet=sheet(what, some, source, studies, ours.left_out),
    )


def sheet(
    what: str,
    some: Sequence[Cell],
    source: Source | None,
    studies: Sequence[Study],
    reasons: Sequence[str],
) -> Sheet:
    """Return the table.

    Args:
        what: It is.
        some: Its cells.
        source: The table of the paper, if it is one.
        studies: That the cells are of.
        reasons: Why trials were left out.
    """
    words = otherwise(studies[0])
    sources = [*([source] if source else []), *(each for cell in some for each in cell.sources)]
    known = notes(sources, [cell.label for cell in some])
    columns = list(chosen(some, comparable=not another_question(words)))
    claims = CLAIMS.get(str(studies[0].said.get("space")), ())
    verdicts = tuple(verdict(claim, some) for claim in claims if ran(claim, some))
    names = ", ".join(study.name for study in studies)
    remarks = (*about(some, words), *left_out(reasons), *several(verdicts))
    return Sheet(
        caption=f"{what}: {names}. Ours: mean ± standard deviation (number of seeds).",
        headings=("setting", *(column.heading for column in columns)),
        lines=tuple(
            Line(cell.label, tuple(each.value(cell) for each in columns), marks(cell.label, known))
            for cell in some
        ),
        notes=(*(note.text for note in known), *remarks),
        verdicts=verdicts,
    )


def ran(claim: Claim, some: Sequence[Cell]) -> bool:
    """Return whether there is anything of ours to say of a claim."""
    each = (cell_of(parts, some) for parts in (claim.a, claim.b))
    return any(cell is not None and cell.seeds for cell in each)
