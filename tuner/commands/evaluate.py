"""The keys of `attuner evaluate`, its suites of attacks, and its `--help`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.components import GROUPS
from trainables.hparams.group import Group
from trainables.hparams.ranges import Count, OpenFraction, PathText, Seed
from tuner.cli.command import Command
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import CommaList, TrustedFiles
from tuner.config.typed_values import parse_search_value

TRIAL_GROUPS = ("threat", "data", "model")
"""Groups of a trial that the command line of an evaluation may override."""
ATTACKS = Group("an attack of an evaluation", "trainables.evaluations", ("passes",))
SUITES = {
    "quick": ("fgsm", "pgd_20", "cw_pgd_20", "apgd_dlr"),
    "pas": ("fgsm", "pgd_100_10", "cw_pgd_100", "apgd_ce", "apgd_dlr", "fab_t", "square_5000"),
    "autoattack": ("apgd_ce", "apgd_t", "fab_t", "square"),
    "full": (
        "fgsm",
        "pgd_10",
        "pgd_20",
        "pgd_50_10",
        "pgd_100_10",
        "cw_pgd_100",
        "multi_targeted",
        "apgd_ce",
        "apgd_dlr",
        "apgd_t",
        "fab_t",
        "square",
    ),
}
"""Attacks of each suite, cheapest first: an attack skips the images that an earlier one
misclassified. autoattack is the standard version; pas is the evaluation of periodic adversarial
scheduling (arXiv:2006.08403)."""
SelectionRule = Literal["best_validation_robust", "last_epoch", "oracle"]
ORACLE = "oracle"


def valid_attack_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return `words`.

    Raises:
        ValueError: If `words` or one of them is empty.
    """
    if not words or not all(word.strip() for word in words):
        raise ValueError("must be names separated by commas, for example fgsm,pgd_20")
    return words


AttackNames = Annotated[tuple[str, ...], CommaList, AfterValidator(valid_attack_names)]
SelectionRules = Annotated[tuple[SelectionRule, ...], CommaList, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """The settings of an evaluation.

    Attributes:
        suite: quick, pas, autoattack or full, or attacks by name, separated by commas; numbers
            fill an attack's first knobs, as in pgd_50_10 (steps, restarts).
        images: Number of test images, or of validation images with rank=, drawn with a fixed
            seed; `None`: all.
        each: Whether every attack runs on all images that are classified correctly, so that each
            row is the result of one attack alone. If false, an attack skips the images that an
            earlier one misclassified.
        top: Number of trials to evaluate, best first.
        rank: "order" ranks the `top` trials by robust accuracy under the suite on the validation
            split, and stops when the order is decided; "best" stops when the best one is. The test
            split is not used, since a choice by it would be optimistically biased.
        confidence: Probability that no pair is ranked wrongly.
        rules: Rules that select the checkpoint of a trial, separated by commas. oracle selects by
            robust accuracy on the test split: an upper bound, not a valid selection.
        seeds: Whether to evaluate all trials that differ from the winner in the seed alone.
        batch: Images per batch; halved when memory runs out. `None`: 4,096 on a GPU, 100 on a CPU.
        precision: "bf16" attacks in bf16 where that is faster; fp32 confirms every success.
        seed: Seed of the attacks.
        device: Device of the computation; `None`: the GPU if there is one.
        weights: File to evaluate instead of a results folder: safetensors, or a state dictionary
            saved by torch.save. Needs model=, data= and threat.eps=, unless the file describes
            its network.
        results: Folder for the results of weights=; `None`: results/ and the name of the file.
        trust: Python files that may run if the results name them, separated by commas.
    """

    suite: AttackNames = ("autoattack",)
    images: Count | None = None
    each: bool = False
    top: Count = 1
    rank: Literal["order", "best"] | None = None
    confidence: OpenFraction = 0.95
    rules: SelectionRules = ("best_validation_robust",)
    seeds: bool = False
    batch: Count | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: Seed = 0
    device: Literal["cpu", "cuda"] | None = None
    weights: PathText | None = None
    results: PathText | None = None
    trust: TrustedFiles = ()


VOCABULARY = build_vocabulary(
    EvaluationSettings,
    groups={
        **{name: GROUPS[name].outline() for name in TRIAL_GROUPS},
        **{name: ATTACKS.knob_group(name).outline() for name in ATTACKS.members()},
    },
    parse=parse_search_value,
)
COMMAND = Command(
    name="evaluate",
    introduction="""\
Attack the selected checkpoints of a finished search on the test split.

  attuner evaluate results/weight_decay-pgd_at-20261121-083000
  attuner evaluate FOLDER suite=pgd_50_10,square images=1000
  attuner evaluate FOLDER rules=best_validation_robust,last_epoch,oracle
  attuner evaluate FOLDER top=5 rank=order
  attuner evaluate weights=net.pt model=resnet18 data=cifar10 threat.eps=8/255

Numbers in the name of an attack set its first knobs; ATTACK.KNOB=VALUE sets
others. If interrupted, rerun the same command to continue. A row of
evaluation.parquet is written once; other settings add another row.
""",
    vocabulary=VOCABULARY,
    schemas=(EvaluationSettings,),
    packages={"attack": "trainables.evaluations"},
    texts={
        "suites": "Suites  suite=NAME\n"
        + "\n".join(f"  {name}: {', '.join(attacks)}" for name, attacks in SUITES.items())
    },
    interrupt_message="Interrupted; rerun the same command to continue.",
)
