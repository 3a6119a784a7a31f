"""Notes on published numbers: known errors and missing information, table by table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.tables.papers import PaperTable


@dataclass(frozen=True)
class Footnote:
    """A note on a table.

    Attributes:
        text: A sentence or two.
        line_parts: Parts of the labels of the lines that it is about; empty: the whole table.
    """

    text: str
    line_parts: tuple[frozenset[str], ...] = ()

    def matches(self, label: str) -> bool:
        """Return whether the note is about a line.

        >>> Footnote("", (frozenset({"lr=0.1"}),)).matches("ResNet-18, lr=0.1")
        True
        """
        return any(each <= set(label.split(", ")) for each in self.line_parts)


def split_labels(*each: str) -> tuple[frozenset[str], ...]:
    """Return lines by the parts of their labels, which commas separate."""
    return tuple(frozenset(parts.split(", ")) for parts in each)


def list_sources(paper: str, *numbers: str | int) -> list[PaperTable]:
    """Return tables of a paper by their numbers."""
    return [PaperTable(paper, f"Table {number}") for number in numbers]


ONE_RUN = Footnote(
    "One number a cell; the number of seeds is not given and seems to be 1, so that the paper's "
    "own numbers allow no verdict. The checkpoint is the one with the best PGD-10 accuracy, on the "
    "test split in the published code; ours is chosen on held-out training images."
)
SOFTPLUS = Footnote(
    "The beta of softplus is not given; the published code has 1.",
    split_labels("activation=softplus"),
)
MIXED_WEIGHT_DECAY = Footnote(
    "Trained with weight decay 5e-5 beside 5e-4 for the others: activation and weight decay differ "
    "at the same time.",
    split_labels("weight_decay=5e-5"),
)
LABEL_SMOOTHING = Footnote(
    "Section 3.2 says that label smoothing gains about 1 point; the table's largest gains are 0.76 "
    "(PGD-10) and 0.73 (AutoAttack) with ResNet-18, 1.03 and 0.81 with WRN-34-10."
)
EARLY_STOP = Footnote(
    "AutoAttack's 46.6 is printed with one decimal.",
    split_labels("attack_early_stop=40:70"),
)
WARMUP = Footnote(
    "The published code's warm-up overshoots: over W epochs it ends at (W + 1)/W of the value.",
    split_labels(
        *(f"warmup_lr_epochs={epochs}" for epochs in (10, 15, 20)),
        *(f"warmup_eps_epochs={epochs}" for epochs in (10, 15, 20)),
    ),
)
PREACT = Footnote(
    "ResNet-18 is taken to be PreAct-ResNet-18, the only one of the published code with a choice "
    "of activations."
)
EVAL_MODE = Footnote(
    "Section 3.3 recommends eval-mode BatchNorm, yet the best AutoAttack accuracy of either "
    "network (53.01, 53.66) is of train mode.",
    split_labels("activation=softplus, label_smoothing=0.1, bn_mode=train"),
)
NO_SUCH_ROW = Footnote(
    "Section 1 compares weight decay 2e-4 in eval mode with 5e-4 in train mode (about 4 points); "
    "no table has 2e-4 in eval mode with PGD-AT. In train mode the difference is 4.52 (PGD-10) and "
    "3.47 (AutoAttack) with WRN-34-10."
)
TRADES_GAIN = Footnote(
    "Section 3.4 says that weight decay 5e-4 rather than 2e-4 gains about 1 point of clean "
    "accuracy and 4 of AutoAttack. That is so with WRN-34-20 at 8/255 in eval mode (85.48 to "
    "86.43, 50.59 to 54.39); WRN-34-10 gains 0.2 to 0.3 clean and 2.3 to 2.8 AutoAttack in eval "
    "mode.",
    split_labels("WRN-34-20, eps=8/255, bn_mode=eval, activation=relu"),
)
TWO_RADII = Footnote(
    "eps 0.031 and 8/255 (0.0314) are different threats: their lines are not to be compared."
)
REPEATED_VALUES = Footnote(
    "Clean accuracies that stand in the table twice to the last digit, 84.50, 85.17 and 85.48, are "
    "of different settings.",
    split_labels(
        "WRN-34-10, eps=8/255, weight_decay=2e-4",
        "WRN-34-20, eps=8/255, weight_decay=2e-4",
        "WRN-34-10, eps=0.031, weight_decay=2e-4, bn_mode=eval",
        "WRN-34-10, eps=8/255, weight_decay=5e-4, activation=relu, bn_mode=eval",
    ),
)
BETA = Footnote("The beta of TRADES is not given.")
MEGABYTES = Footnote(
    "Printed as millions of parameters; the numbers are megabytes of a float32 checkpoint. A "
    "quarter of them is the number of parameters in millions: 11.17 for ResNet-18, not 44.70."
)
PAS_NETWORKS = Footnote(
    "The published code's VGG and ResNet18 have half the usual width.",
    split_labels("VGG", "ResNet18"),
)
PAS_UNKNOWN = Footnote(
    "Errors, not accuracies: less is better. Means and deviations of three runs. Not given: when "
    "the learning rate drops within a period, where plain VGG's eps ends, and how exactly the ends "
    "of periods make an ensemble. PGD-100 takes steps of 1/255 (CIFAR-10) and 0.01 (MNIST) in the "
    "published code, ours of a quarter of eps."
)
HE_TABLE_A = Footnote("The eps of the attacks is not given.")
HE_NETWORK = Footnote("The network is not given, and taken to be WRN-34-10.")
HE_RADIUS = Footnote("The published code trains at eps 0.031 and is attacked at 8/255.")
HE_RAYS = Footnote(
    "RayS on 1,000 test images, with an unstated number of queries; ours is rays_40000, as on its "
    "authors' leaderboard."
)
GRADALIGN = Footnote(
    "Only AutoAttack's accuracies at 8/255 are published as numbers; the number of runs behind "
    "their deviations is not stated where they stand."
)
LLR_ATTACK = Footnote(
    "The attack behind 49.37 is not given. Weights of the regulariser differ between paper and "
    "code."
)
LLR_PRELIMINARY = Footnote("Called preliminary, and eps is not stated.")

FOOTNOTES: dict[PaperTable, tuple[Footnote, ...]] = {
    **dict.fromkeys(list_sources("bag_of_tricks", 3, 5, 7), (ONE_RUN, PREACT)),
    PaperTable("bag_of_tricks", "Table 2"): (ONE_RUN, PREACT, EARLY_STOP, WARMUP),
    PaperTable("bag_of_tricks", "Table 4"): (ONE_RUN, PREACT, LABEL_SMOOTHING),
    PaperTable("bag_of_tricks", "Table 6"): (ONE_RUN, PREACT, MIXED_WEIGHT_DECAY, SOFTPLUS),
    PaperTable("bag_of_tricks", "Table 8"): (ONE_RUN, EVAL_MODE, SOFTPLUS, NO_SUCH_ROW),
    PaperTable("bag_of_tricks", "Table 9"): (
        *(ONE_RUN, BETA, TRADES_GAIN, TWO_RADII, REPEATED_VALUES, SOFTPLUS),
    ),
    PaperTable("bag_of_tricks", "Table 11"): (MEGABYTES,),
    PaperTable("bag_of_tricks", "Table 12"): (ONE_RUN, PREACT, BETA, SOFTPLUS),
    **dict.fromkeys(
        [PaperTable("bag_of_tricks", name) for name in ("text:sec1", "Figure 1")],
        (ONE_RUN, NO_SUCH_ROW),
    ),
    PaperTable("bag_of_tricks", "text:sec3.2"): (LABEL_SMOOTHING,),
    PaperTable("bag_of_tricks", "text:sec3.4"): (TRADES_GAIN,),
    PaperTable("bag_of_tricks", "text:sec3.3_baseline"): (EVAL_MODE,),
    PaperTable("pas", "Table 1"): (PAS_UNKNOWN, PAS_NETWORKS),
    PaperTable("he", "Table A"): (HE_TABLE_A,),
    PaperTable("he", "Table B"): (HE_RADIUS, HE_RAYS),
    PaperTable("he", "Table C"): (HE_NETWORK,),
    PaperTable("he", "text:R1"): (HE_NETWORK,),
    PaperTable("llr", "text:R3"): (LLR_ATTACK,),
    PaperTable("llr", "text:R2"): (LLR_PRELIMINARY,),
    PaperTable("gradalign", "Figure 1"): (GRADALIGN,),
    PaperTable("gradalign", "text:l12"): (GRADALIGN,),
}
"""Of what contradicts itself or the code, and what a comparison must know, by table."""


def select_footnotes(sources: Iterable[PaperTable], labels: Sequence[str]) -> list[Footnote]:
    """Return the notes on tables, without notes on lines that are not shown."""
    found = dict.fromkeys(note for source in sources for note in FOOTNOTES.get(source, ()))
    return [note for note in found if not note.line_parts or any(map(note.matches, labels))]


def number_footnotes(label: str, some: Sequence[Footnote]) -> tuple[int, ...]:
    """Return the numbers, from 1, of the notes on this line; notes on the table do not count."""
    return tuple(number for number, note in enumerate(some, 1) if note.matches(label))
