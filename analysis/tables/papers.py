"""The papers, and which space reproduces which of their tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper with published numbers.

    Attributes:
        title: Short enough for a caption.
        arxiv: Its number there.
    """

    title: str
    arxiv: str


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper.

    Attributes:
        paper: Of `PAPERS`.
        table: As the paper calls it.
    """

    paper: str
    table: str

    @property
    def title(self) -> str:
        """Title in a caption.

        >>> PaperTable("he", "Table B").title
        'Table B of HE (arXiv:2002.08619)'
        """
        paper = PAPERS[self.paper]
        name = self.table.replace("text:", "text, ")
        return f"{name} of {paper.title} (arXiv:{paper.arxiv})"

    def __str__(self) -> str:
        return f"{self.paper}/{self.table}"


PAPERS = {
    "bag_of_tricks": Paper("Bag of Tricks", "2010.00467"),
    "pas": Paper("PAS", "2006.08403"),
    "llr": Paper("LLR", "1907.02610"),
    "he": Paper("HE", "2002.08619"),
    "gradalign": Paper("GradAlign", "2007.02617"),
    "fastat": Paper("FastAT_Benchmark", "2604.22853"),
    "robustbench": Paper("RobustBench", "2010.09670"),
}
SPACE_TABLES = {
    **{
        f"bag_of_tricks_table{number}": PaperTable("bag_of_tricks", f"Table {number}")
        for number in (2, 3, 4, 5, 6, 7, 8, 9, 12)
    },
    **{
        f"bag_of_tricks_figure{number}": PaperTable("bag_of_tricks", f"Figure {number}")
        for number in (1, 3, 4)
    },
    "pas_table1": PaperTable("pas", "Table 1"),
    "pas_table1_mnist": PaperTable("pas", "Table 1"),
    "he_table_b": PaperTable("he", "Table B"),
    "he_table_c": PaperTable("he", "Table C"),
    "gradalign_figure1": PaperTable("gradalign", "Figure 1"),
    "fastat_table": PaperTable("fastat", "CIFAR-10"),
}
"""Spaces by name, and the table that each is."""
