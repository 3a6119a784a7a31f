"""The keys of `attuner diagnose`, and its `--help`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.components import GROUPS
from trainables.hparams.group import Group
from trainables.hparams.ranges import Count, PathText, Seed
from trainables.injection import injected_names
from tuner.cli.command import Command
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import CommaList, TrustedFiles

MEASURES = Group("a measure of a checkpoint", "analysis.diagnostics", ("measure",))
TRIAL_GROUPS = ("threat", "data")
"""Groups of a trial that the command line can replace."""


def valid_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return `words`, each once.

    Raises:
        ValueError: If one is empty.
    """
    if not words or not all(word.strip() for word in words):
        raise ValueError("must be names separated by commas, such as hessian,fosc")
    return tuple(dict.fromkeys(words))


NameList = Annotated[tuple[str, ...], CommaList, AfterValidator(valid_names)]
SelectionRule = Literal["best_validation_robust", "last_epoch"]
SelectionRules = Annotated[tuple[SelectionRule, ...], CommaList, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class DiagnosisSettings:
    """Settings of a diagnosis.

    Attributes:
        measure: Measures by name, separated by commas; `None`: all that the checkpoints allow.
        images: Number of images, drawn at random, the same for all measures and checkpoints. The
            default is less if the split has fewer.
        split: Split of the images.
        top: Number of trials of each folder, best first.
        rules: What selects the checkpoint of a trial, separated by commas.
        seed: Random seed.
        seeds: Number of consecutive seeds of each random measure.
        batch: Images per batch.
        device: Device of the computation; `None`: the GPU if there is one.
        weights: File of weights to diagnose in place of folders: of this project, or as other
            software writes them, with model=, data= and threat=.
        results: Folder of the results of `weights`; default: results/ and the name of the file.
        trust: Python files that may run if the results name them, separated by commas.
    """

    measure: NameList | None = None
    images: Count = 256
    split: Literal["validation", "test"] = "validation"
    top: Count = 1
    rules: SelectionRules = ("best_validation_robust",)
    seed: Seed = 0
    seeds: Count = 3
    batch: Count = 256
    device: Literal["cpu", "cuda"] | None = None
    weights: PathText | None = None
    results: PathText | None = None
    trust: TrustedFiles = ()


VOCABULARY = build_vocabulary(
    DiagnosisSettings,
    groups={
        **{name: GROUPS[name].outline() for name in (*TRIAL_GROUPS, "model")},
        **{name: MEASURES.knob_group(name).outline() for name in MEASURES.members()},
    },
)
COMMAND = Command(
    name="diagnose",
    introduction="""\
Measure properties of checkpoints of finished searches, on the validation
split.

  attuner diagnose results/weight_decay-pgd_at-20261121-083000
  attuner diagnose FOLDER measure=gradient_alignment,fosc images=1000 top=5
  attuner diagnose FOLDER measure=surface surface.points=41 surface.craft=anew
  attuner diagnose FOLDER OTHER measure=transfer
  attuner diagnose weights=net.pt model=resnet18 data=cifar10 threat.eps=0.03

Rows go to diagnostics.parquet in each folder, pictures to diagnostics/ there.
Finished measurements are not repeated; after an interruption rerun the
command.
""",
    vocabulary=VOCABULARY,
    schemas=(DiagnosisSettings,),
    packages={"measure": "analysis.diagnostics"},
    interrupt_message=(
        "Interrupted; finished measurements are kept. Rerun the same command for the rest."
    ),
)


def compares_networks(measure: str) -> bool:
    """Return whether a measure compares several networks."""
    return "others" in injected_names(MEASURES.load(measure).measure)


def draws_picture(measure: str) -> bool:
    """Return whether a measure draws a picture."""
    return getattr(MEASURES.load(measure), "PICTURE", False)
