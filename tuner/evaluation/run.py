"""Run the attacks of an evaluation, save their results and show progress."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import Module

from trainables.errors import InputError
from trainables.evaluation.attack_state import AttackState, correct_mask, run_attack
from trainables.evaluation.sanity_checks import check_black_box_gain, check_network
from trainables.networks.memory_format import to_channels_last
from tuner.evaluation import fingerprint, table
from tuner.evaluation.checkpoints import CheckpointRef
from tuner.evaluation.prepare import Evaluation
from tuner.evaluation.suites import Attack

DEFAULT_BATCH = {"cpu": 100, "cuda": 4096}
"""Images at a time: on a GPU more than fit, to be halved; on a CPU few enough to lose little."""


class EvaluationRunner:
    """Makes an evaluation.

    Attributes:
        evaluation: What is made.
        console: Where progress is shown.
    """

    def __init__(self, evaluation: Evaluation, console: Console) -> None:
        self.evaluation, self.console = evaluation, console
        self.device = evaluation.images.y.device
        self.batch_size = evaluation.settings.batch or DEFAULT_BATCH[self.device.type]
        self.images_fingerprint = fingerprint.hash_images(evaluation.images)

    def evaluate_checkpoint(self, checkpoint: CheckpointRef) -> Iterator[dict[str, object]]:
        """Yield a row an attack, each written before the next is begun.

        Raises:
            InputError: If the checkpoint or its kept state is broken.
        """
        model = to_channels_last(checkpoint.load().to(self.device))
        images, settings = self.evaluation.images, self.evaluation.settings
        right = correct_mask(model, images, self.batch_size)
        standing, fooled = right.clone(), dict[str, int]()
        history: list[str] = []
        weights = fingerprint.hash_network(model, checkpoint.model_member())
        made: list[dict[str, Any]] = []
        for attack in self.evaluation.attacks:
            on = right if settings.each else standing
            key = self.build_state_key(weights, attack, on)
            verdict = self.attack_checkpoint(model, attack, on.clone(), key, checkpoint)
            fooled[attack.label] = int((verdict.attacked & ~verdict.robust_mask).sum())
            standing &= ~(verdict.attacked & ~verdict.robust_mask)
            found = verdict.robust_mask if settings.each else standing
            made.append(
                self.build_row(checkpoint, attack, verdict, right, found)
                | {
                    "key": key,
                    "weights": weights,
                    "after": "" if settings.each else ",".join(history),
                }
            )
            history.append(attack.label)
        audit = "; ".join(self.run_sanity_checks(model, standing, fooled))
        for row in made:
            row["audit"] = "; ".join(filter(None, [row["audit"], audit]))
            table.append_row(self.evaluation.folder, row)
            yield row

    def run_sanity_checks(
        self, model: Module, robust: Tensor, n_misclassified: dict[str, int]
    ) -> Iterator[str]:
        """Yield what to doubt of a checkpoint's numbers."""
        evaluation = self.evaluation
        yield from check_network(model, evaluation.images, evaluation.threat, robust)
        if not evaluation.settings.each:
            black_box = [attack.label for attack in evaluation.attacks if attack.is_black_box]
            yield from check_black_box_gain(n_misclassified, black_box, len(robust))

    def attack_checkpoint(
        self, model: Module, attack: Attack, mask: Tensor, key: str, checkpoint: CheckpointRef
    ) -> AttackState:
        """Return the verdict of an attack on the images `mask` (N,), as far as it is not known.

        Raises:
            InputError: If what is known cannot be read.
        """
        file = self.evaluation.folder / table.STATE_FOLDER / f"{key}.safetensors"
        try:
            verdict = AttackState.load(file, mask) if file.exists() else AttackState(mask)
        except ValueError as error:
            raise InputError([str(error)]) from None
        verdict.batch = verdict.batch or self.batch_size
        passes = attack.build_attempts(self.evaluation.classes)
        with self.show_progress(
            f"{checkpoint.label}: {attack.label}", len(passes), verdict
        ) as told:

            def keep(verdict: AttackState, made: int) -> None:
                verdict.save(file)
                told(verdict, made)

            run_attack(
                model,
                self.evaluation.images,
                passes,
                verdict,
                threat=self.evaluation.threat,
                seed=self.evaluation.settings.seed,
                save=keep,
                mixed=self.evaluation.settings.precision == "bf16",
            )
            verdict.save(file)
        return verdict

    @contextmanager
    def show_progress(
        self, title: str, n_attempts: int, verdict: AttackState
    ) -> Iterator[Callable[[AttackState, int], None]]:
        """Show how far an attack is while inside: a bar, or a line at its end off a terminal."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images, {task.fields[left]} standing", markup=False),
            TimeRemainingColumn(),
        )
        quiet = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=quiet) as progress:
            task = progress.add_task(title, total=None, left=int(verdict.robust_mask.sum()))

            def told(verdict: AttackState, made: int) -> None:
                left = int(verdict.robust_mask.sum())
                to_come = int((verdict.robust_mask & ~verdict.tried).sum())
                to_come += (n_attempts - verdict.number - 1) * left
                total = progress.tasks[task].completed + made + to_come
                progress.update(task, advance=made, total=total, left=left)

            yield told
        if quiet:
            left, all_ = int(verdict.robust_mask.sum()), int(verdict.attacked.sum())
            line = f"{title}: {left} of {all_} withstand it ({verdict.seconds:.0f} s)"
            self.console.print(line, soft_wrap=True)

    def build_row(
        self,
        checkpoint: CheckpointRef,
        attack: Attack,
        verdict: AttackState,
        clean_correct: Tensor,
        robust: Tensor,
    ) -> dict[str, object]:
        """Return what is written of one attack."""
        number, withstood = len(clean_correct), int(robust.sum())
        low, high = table.wilson_interval(withstood, number)
        outside = f"{attack.label} left the budget {verdict.rejected} times"
        return {
            "checkpoint": str(checkpoint.path),
            "trial_id": checkpoint.trial_id,
            "rule": checkpoint.rule,
            "seed": checkpoint.seed,
            "attack": attack.label,
            "settings": json.dumps(self.describe_attack(attack), sort_keys=True),
            "norm": self.evaluation.norm,
            "eps": self.evaluation.threat.eps,
            "n": number,
            "clean_accuracy": int(clean_correct.sum()) / number,
            "attacked": int(verdict.attacked.sum()),
            "fooled": int((verdict.attacked & ~verdict.robust_mask).sum()),
            "target_success": target_success_rate(verdict),
            "robust_accuracy": withstood / number,
            "low": low,
            "high": high,
            "alone": self.evaluation.settings.each
            or bool((verdict.attacked == clean_correct).all()),
            "rejected": verdict.rejected,
            "audit": outside if verdict.rejected else "",
            "seconds": verdict.seconds,
            "date": str(date.today()),
        }

    def describe_attack(self, attack: Attack) -> dict[str, object]:
        """Return everything that the result of an attack on a checkpoint depends on."""
        settings = self.evaluation.settings
        return {
            "attack": attack.name,
            **attack.knobs,
            "norm": self.evaluation.norm,
            "eps": self.evaluation.threat.eps,
            "data": self.evaluation.data,
            "images": len(self.evaluation.images),
            "seed": settings.seed,
            "precision": settings.precision,
        }

    def build_state_key(self, weights: str, attack: Attack, mask: Tensor) -> str:
        """Return the cache key of an attack state."""
        about = json.dumps(self.describe_attack(attack), sort_keys=True)
        files = fingerprint.hash_files([self.evaluation.norm, attack.name, *attack.knobs.values()])
        seen = hashlib.sha256("".join([weights, about, files, self.images_fingerprint]).encode())
        seen.update(mask.numpy().tobytes())
        return seen.hexdigest()[:16]


def target_success_rate(verdict: AttackState) -> float | None:
    """Return the share of images classified as the target class; `None`: untargeted."""
    attacked = int(verdict.attacked.sum())
    return int(verdict.hit.sum()) / attacked if verdict.aimed and attacked else None
