"""Our results beside the published ones, and whether they support the paper's conclusions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.frames import Frames, Study
from analysis.tables.caveats import describe_left_out, describe_many_verdicts, list_caveats
from analysis.tables.cells import Cell, build_cells
from analysis.tables.claim_check import check_claim
from analysis.tables.claim_check import find_cell as cell_of
from analysis.tables.claims import CLAIMS, Claim
from analysis.tables.columns import list_columns
from analysis.tables.footnotes import number_footnotes, select_footnotes
from analysis.tables.papers import SPACE_TABLES, PaperTable
from analysis.tables.runs import changes_task, count_epochs, list_changed_arguments, read_variants
from analysis.tables.text_table import TableLine, TextTable


@dataclass(frozen=True, kw_only=True)
class PaperComparison:
    """A table of a paper beside ours.

    Attributes:
        title: Which table, and which studies.
        source: The table; `None`: a custom space.
        table: What is printed.
        studies: Their names.
    """

    title: str
    source: PaperTable | None
    table: TextTable
    studies: tuple[str, ...]

    @property
    def verdicts(self) -> list[str]:
        """Whether our seeds support each conclusion of the paper, as sentences."""
        return list(self.table.verdicts)

    def html(self) -> str:
        """Return a fragment of a page."""
        return self.table.html()

    def markdown(self) -> str:
        """Return a Markdown table."""
        return self.table.markdown()

    def latex(self) -> str:
        """Return a LaTeX table, which needs booktabs."""
        return self.table.latex()


def compare_with_papers(frames: Frames) -> list[PaperComparison]:
    """Return a comparison for each published table that studies have run.

    Studies that differ in their seeds alone make one table. A study of another space is compared
    with those published rows whose settings are exactly what it ran, if there are any.
    """
    found = (compare_table(frames, studies) for studies in group_by_seeds(frames))
    return [each for each in found if each is not None]


def group_by_seeds(frames: Frames) -> list[list[Study]]:
    """Return groups of studies that differ only in their seeds."""
    groups: dict[str, list[Study]] = {}
    for study in frames.studies.values():
        alike = [
            study.description.get("space"),
            read_variants(study),
            count_epochs(study),
            list_changed_arguments(study),
        ]
        groups.setdefault(json.dumps(alike, sort_keys=True, default=str), []).append(study)
    return list(groups.values())


def compare_table(frames: Frames, studies: Sequence[Study]) -> PaperComparison | None:
    """Return studies beside the table that they are runs of; `None`: nothing is published."""
    space = str(studies[0].description.get("space", ""))
    source = SPACE_TABLES.get(space)
    ours = build_cells(frames, studies)
    some = list(ours.by_label.values())
    if source is None:
        some = [cell for cell in some if cell.published]
        if not some:
            return None
    names = tuple(study.name for study in studies)
    what = source.title if source else f"Published rows that {space} ran"
    return PaperComparison(
        title=f"{what}: {', '.join(names)}",
        source=source,
        studies=names,
        table=build_table(what, some, source, studies, ours.skip_reasons),
    )


def build_table(
    what: str,
    some: Sequence[Cell],
    source: PaperTable | None,
    studies: Sequence[Study],
    reasons: Sequence[str],
) -> TextTable:
    """Return the table.

    Args:
        what: It is.
        some: Its cells.
        source: The table of the paper, if it is one.
        studies: That the cells are of.
        reasons: Why trials were left out.
    """
    words = list_changed_arguments(studies[0])
    sources = [*([source] if source else []), *(each for cell in some for each in cell.sources)]
    known = select_footnotes(sources, [cell.label for cell in some])
    columns = list(list_columns(some, comparable=not changes_task(words)))
    claims = CLAIMS.get(str(studies[0].description.get("space")), ())
    verdicts = tuple(check_claim(claim, some) for claim in claims if has_results(claim, some))
    names = ", ".join(study.name for study in studies)
    remarks = (
        *list_caveats(some, words),
        *describe_left_out(reasons),
        *describe_many_verdicts(verdicts),
    )
    return TextTable(
        caption=f"{what}: {names}. Ours: mean ± standard deviation (number of seeds).",
        headings=("setting", *(column.heading for column in columns)),
        lines=tuple(
            TableLine(
                cell.label,
                tuple(each.value(cell) for each in columns),
                number_footnotes(cell.label, known),
            )
            for cell in some
        ),
        notes=(*(note.text for note in known), *remarks),
        verdicts=verdicts,
    )


def has_results(claim: Claim, some: Sequence[Cell]) -> bool:
    """Return whether we have results on a claim."""
    each = (cell_of(parts, some) for parts in (claim.a, claim.b))
    return any(cell is not None and cell.results for cell in each)
