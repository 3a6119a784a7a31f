"""The keys of `python -m tuner.evaluate`."""

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
        images: Number of test images, drawn with a fixed seed; `None`: all.
        each: Whether every attack runs on all images that are classified correctly, so that each
            row is the result of one attack alone. If false, an attack skips the images that an
            earlier one misclassified.
        top: Number of trials to evaluate, best first.
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
    rules: SelectionRules = ("best_validation_robust",)
    seeds: bool = False
    batch: Count | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: Seed = 0
    device: Literal["cpu", "cuda"] | None = None
    weights: PathText | None = None
    results: PathText | None = None
    trust: TrustedFiles = ()
