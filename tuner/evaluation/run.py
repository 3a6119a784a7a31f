"""Run the attacks of an evaluation, save their results and show progress."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import Module

from trainables.accuracy import compute_accuracies
from trainables.errors import InputError
from trainables.evaluation.attack_state import AttackState
from trainables.evaluation.attempt import correct_mask, run_attack
from trainables.evaluation.sanity_checks import check_black_box_gain, check_network
from trainables.networks.memory_format import to_channels_last
from tuner.evaluation import fingerprint, table
from tuner.evaluation.checkpoints import CheckpointRef
from tuner.evaluation.prepare import Evaluation
from tuner.evaluation.suites import Attack

DEFAULT_BATCH = {"cpu": 100, "cuda": 4096}
"""Images per batch. The GPU's is halved until it fits; the CPU's is small, because an interrupted
attack repeats the current batch."""


class EvaluationRunner:
    """Runs the attacks of an evaluation.

    Attributes:
        evaluation: Evaluation to run.
        console: Console that shows the progress.
        attacks: Attacks that can run on so many classes.
        device: Device of the test images.
        batch_size: Images per batch at the start of an attack.
        images_fingerprint: Fingerprint of the test images.
    """

    def __init__(self, evaluation: Evaluation, console: Console) -> None:
        self.evaluation, self.console = evaluation, console
        self.attacks = list(self.select_attacks())
        self.device = evaluation.images.y.device
        self.batch_size = evaluation.settings.batch or DEFAULT_BATCH[self.device.type]
        self.images_fingerprint = fingerprint.hash_images(evaluation.images)

    def select_attacks(self) -> Iterator[Attack]:
        """Yield the attacks that can run on so many classes; print which are left out."""
        for attack in self.evaluation.attacks:
            if clash := attack.class_conflict(self.evaluation.classes):
                self.console.print(f"left out: {attack.label} {clash}.", soft_wrap=True)
            else:
                yield attack

    def evaluate_checkpoint(self, checkpoint: CheckpointRef) -> Iterator[dict[str, object]]:
        """Yield the row of each attack, after it is appended to the table.

        Raises:
            InputError: If the checkpoint or a saved attack state is corrupt.
        """
        model = to_channels_last(checkpoint.load().to(self.device))
        images, settings = self.evaluation.images, self.evaluation.settings
        correct = correct_mask(model, images, self.batch_size)
        robust, n_misclassified = correct.clone(), dict[str, int]()
        history: list[str] = []
        weights = fingerprint.hash_network(model, checkpoint.model_member())
        rows: list[dict[str, object]] = []
        for attack in self.attacks:
            mask = correct if settings.each else robust
            key = self.build_state_key(weights, attack, mask)
            state = self.attack_checkpoint(model, attack, mask.clone(), key, checkpoint)
            misclassified = state.attacked & ~state.robust_mask
            n_misclassified[attack.label] = int(misclassified.sum())
            robust &= ~misclassified
            result = state.robust_mask if settings.each else robust
            rows.append(
                self.build_row(checkpoint, attack, state, correct, result)
                | {
                    "key": key,
                    "weights": weights,
                    "normalization": checkpoint.describe_normalization(model),
                    "after": "" if settings.each else ",".join(history),
                }
            )
            history.append(attack.label)
        audit = "; ".join(self.run_sanity_checks(model, robust, n_misclassified))
        for row in rows:
            row["audit"] = "; ".join(filter(None, [str(row["audit"]), audit]))
            table.append_row(self.evaluation.folder, row)
            yield row

    def run_sanity_checks(
        self, model: Module, robust: Tensor, n_misclassified: dict[str, int]
    ) -> Iterator[str]:
        """Yield the failed sanity checks of a checkpoint's results."""
        evaluation = self.evaluation
        yield from check_network(model, evaluation.images, evaluation.threat, robust)
        if not evaluation.settings.each:
            black_box = [attack.label for attack in self.attacks if attack.is_black_box]
            yield from check_black_box_gain(n_misclassified, black_box, len(robust))

    def attack_checkpoint(
        self, model: Module, attack: Attack, mask: Tensor, key: str, checkpoint: CheckpointRef
    ) -> AttackState:
        """Run an attack on the images of `mask` (N,), from its saved state if there is one.

        Raises:
            InputError: If the saved state is corrupt.
        """
        file = self.evaluation.folder / table.STATE_FOLDER / f"{key}.safetensors"
        try:
            state = AttackState.load(file, mask) if file.exists() else AttackState(mask)
        except ValueError as error:
            raise InputError([str(error)]) from None
        state.batch = state.batch or self.batch_size
        attempts = attack.build_attempts(self.evaluation.classes)
        title = f"{checkpoint.label}: {attack.label}"
        with self.show_progress(title, len(attempts), state) as update_bar:

            def save(state: AttackState, n_attacked: int) -> None:
                state.save(file)
                update_bar(state, n_attacked)

            run_attack(
                model,
                self.evaluation.images,
                attempts,
                state,
                threat=self.evaluation.threat,
                seed=self.evaluation.settings.seed,
                save=save,
                mixed=self.evaluation.settings.precision == "bf16",
            )
            state.save(file)
        return state

    @contextmanager
    def show_progress(
        self, title: str, n_attempts: int, state: AttackState
    ) -> Iterator[Callable[[AttackState, int], None]]:
        """Show the progress of an attack: a bar on a terminal, else one line at the end."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images, {task.fields[robust]} robust", markup=False),
            TimeRemainingColumn(),
        )
        quiet = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=quiet) as progress:
            task = progress.add_task(title, total=None, robust=int(state.robust_mask.sum()))

            def update_bar(state: AttackState, n_attacked: int) -> None:
                n_robust = int(state.robust_mask.sum())
                remaining = int((state.robust_mask & ~state.tried).sum())
                remaining += (n_attempts - state.number - 1) * n_robust
                total = progress.tasks[task].completed + n_attacked + remaining
                progress.update(task, advance=n_attacked, total=total, robust=n_robust)

            yield update_bar
        if quiet:
            n_robust, attacked = int(state.robust_mask.sum()), int(state.attacked.sum())
            line = f"{title}: {n_robust} of {attacked} images are robust ({state.seconds:.0f} s)"
            self.console.print(line, soft_wrap=True)

    def build_row(
        self,
        checkpoint: CheckpointRef,
        attack: Attack,
        state: AttackState,
        clean_correct: Tensor,
        robust: Tensor,
    ) -> dict[str, object]:
        """Return the row of one attack, without the columns that depend on the others.

        Args:
            checkpoint: Attacked checkpoint.
            attack: Attack that ran.
            state: State at its end.
            clean_correct: Mask (N,) of the images that are classified correctly.
            robust: Mask (N,) of the robust images, of which `robust_accuracy` is the share.
        """
        number = len(clean_correct)
        accuracies = compute_accuracies(clean_correct, robust, self.evaluation.images.y)
        low, high = table.wilson_interval(int(robust.sum()), number)
        outside = f"{attack.label} left the allowed perturbations {state.rejected} times"
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
            "clean_accuracy": accuracies.clean,
            "attacked": int(state.attacked.sum()),
            "fooled": int((state.attacked & ~state.robust_mask).sum()),
            "target_success": target_success_rate(state),
            "robust_accuracy": accuracies.robust,
            "low": low,
            "high": high,
            "alone": self.evaluation.settings.each or bool((state.attacked == clean_correct).all()),
            "rejected": state.rejected,
            "audit": outside if state.rejected else "",
            "seconds": state.seconds,
            "date": str(date.today()),
            "balanced_clean_accuracy": accuracies.balanced_clean,
            "balanced_robust_accuracy": accuracies.balanced_robust,
        }

    def describe_attack(self, attack: Attack) -> dict[str, object]:
        """Return the settings that the result of an attack on a checkpoint depends on."""
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
        digest = hashlib.sha256("".join([weights, about, files, self.images_fingerprint]).encode())
        digest.update(mask.numpy().tobytes())
        return digest.hexdigest()[:16]


def target_success_rate(state: AttackState) -> float | None:
    """Return the share of images classified as the target class; `None`: untargeted."""
    attacked = int(state.attacked.sum())
    return int(state.hit.sum()) / attacked if state.aimed and attacked else None
