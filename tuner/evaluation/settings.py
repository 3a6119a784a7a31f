"""The keys of an evaluation."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.hparams.ranges import Count, PathText, Seed
from tuner.cli.values import CommaList, TrustedFiles
from tuner.evaluation.checkpoints import SelectionRule

ORACLE = "oracle"


def valid_attack_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return `words`.

    Raises:
        ValueError: If one is empty.
    """
    if not words or not all(word.strip() for word in words):
        raise ValueError("must be names separated by commas, such as fgsm,pgd_20")
    return words


AttackNames = Annotated[tuple[str, ...], CommaList, AfterValidator(valid_attack_names)]
SelectionRules = Annotated[tuple[SelectionRule, ...], CommaList, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """What the command line says of an evaluation.

    Attributes:
        suite: quick, pas, autoattack or full, or attacks by name, separated by commas; numbers
            fill an attack's first knobs, as in pgd_50_10 (steps, restarts).
        images: How many test images, drawn at random once and for all; every one if none.
        each: Whether every attack is made on every image that is classified correctly, so that
            each row is of that attack alone. Without, an image that is fooled is done with.
        top: How many trials to look at, best first.
        rules: What selects the checkpoint of a trial, separated by commas. The oracle takes
            whichever does best on the test split, which nobody could have known.
        seeds: Whether to look at all trials that differ from the winner in their seed alone.
        batch: Images at a time; halved where memory runs out. 4,096 on a GPU and 100 on a CPU if
            none.
        precision: "bf16" attacks in bf16 where that is quicker; fp32 confirms every success.
        seed: Of all chance.
        device: Where to compute; the GPU if there is one.
        weights: A file to evaluate instead of a search's folder: safetensors, or a state
            dictionary as torch saves it. Needs model=, data= and threat.eps=, unless the file says
            of what network it is.
        results: Folder that a file's results go to; results/ and its name if none.
        trust: Files of code that may run where the results name them, separated by commas.
    """

    suite: AttackNames = ("autoattack",)
    images: Count | None = None
    each: bool = False
    top: Count = 1
    rules: SelectionRules = ("best_validation_robust",)
    seeds: bool = False
    batch: Count | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: Seed = 0
    device: Literal["cpu", "cuda"] | None = None
    weights: PathText | None = None
    results: PathText | None = None
    trust: TrustedFiles = ()
