"""Attacks checkpoint after checkpoint, keeps what is found, and shows how far it is."""

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

from trainables.audit import doubts, suspicious
from trainables.memory_format import to_channels_last
from trainables.problems import InputError
from trainables.verdict import Verdict, correct, judge
from tuner import fingerprint, ledger
from tuner.candidates import Candidate
from tuner.evaluation import Evaluation
from tuner.suites import Attack

BATCH = {"cpu": 100, "cuda": 4096}
"""Images at a time: on a GPU more than fit, to be halved; on a CPU few enough to lose little."""


class Examiner:
    """Makes an evaluation.

    Attributes:
        evaluation: What is made.
        console: Where progress is shown.
    """

    def __init__(self, evaluation: Evaluation, console: Console) -> None:
        self.evaluation, self.console = evaluation, console
        self.device = evaluation.images.y.device
        self.batch = evaluation.settings.batch or BATCH[self.device.type]
        self.images = fingerprint.of_images(evaluation.images)

    def rows(self, candidate: Candidate) -> Iterator[dict[str, object]]:
        """Yield a row an attack, each written before the next is begun.

        Raises:
            InputError: If the checkpoint or its kept state is broken.
        """
        model = to_channels_last(candidate.load().to(self.device))
        images, settings = self.evaluation.images, self.evaluation.settings
        right = correct(model, images, self.batch)
        standing, fooled = right.clone(), dict[str, int]()
        history: list[str] = []
        weights = fingerprint.of_network(model, candidate.member())
        made: list[dict[str, Any]] = []
        for attack in self.evaluation.attacks:
            on = right if settings.each else standing
            key = self.key(weights, attack, on)
            verdict = self.attacked(model, attack, on.clone(), key, candidate)
            fooled[attack.word] = int((verdict.attacked & ~verdict.standing).sum())
            standing &= ~(verdict.attacked & ~verdict.standing)
            found = verdict.standing if settings.each else standing
            made.append(
                self.row(candidate, attack, verdict, right, found)
                | {
                    "key": key,
                    "weights": weights,
                    "after": "" if settings.each else ",".join(history),
                }
            )
            history.append(attack.word)
        audit = "; ".join(self.audit(model, standing, fooled))
        for row in made:
            row["audit"] = "; ".join(filter(None, [row["audit"], audit]))
            ledger.add(self.evaluation.folder, row)
            yield row

    def audit(self, model: Module, standing: Tensor, fooled: dict[str, int]) -> Iterator[str]:
        """Yield what to doubt of a checkpoint's numbers."""
        evaluation = self.evaluation
        yield from doubts(model, evaluation.images, evaluation.threat, standing)
        if not evaluation.settings.each:
            black_box = [attack.word for attack in evaluation.attacks if attack.black_box]
            yield from suspicious(fooled, black_box, len(standing))

    def attacked(
        self, model: Module, attack: Attack, on: Tensor, key: str, candidate: Candidate
    ) -> Verdict:
        """Return the verdict of an attack on the images `on` (N,), as far as it is not known.

        Raises:
            InputError: If what is known cannot be read.
        """
        file = self.evaluation.folder / ledger.STATE / f"{key}.safetensors"
        try:
            verdict = Verdict.load(file, on) if file.exists() else Verdict(on)
        except ValueError as error:
            raise InputError([str(error)]) from None
        verdict.batch = verdict.batch or self.batch
        passes = attack.passes(self.evaluation.classes)
        with self.shown(f"{candidate.label}: {attack.word}", len(passes), verdict) as told:

            def keep(verdict: Verdict, made: int) -> None:
                verdict.save(file)
                told(verdict, made)

            judge(
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
    def shown(
        self, title: str, passes: int, verdict: Verdict
    ) -> Iterator[Callable[[Verdict, int], None]]:
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
            task = progress.add_task(title, total=None, left=int(verdict.standing.sum()))

            def told(verdict: Verdict, made: int) -> None:
                left = int(verdict.standing.sum())
                to_come = int((verdict.standing & ~verdict.tried).sum())
                to_come += (passes - verdict.number - 1) * left
                total = progress.tasks[task].completed + made + to_come
                progress.update(task, advance=made, total=total, left=left)

            yield told
        if quiet:
            left, all_ = int(verdict.standing.sum()), int(verdict.attacked.sum())
            line = f"{title}: {left} of {all_} withstand it ({verdict.seconds:.0f} s)"
            self.console.print(line, soft_wrap=True)

    def row(
        self,
        candidate: Candidate,
        attack: Attack,
        verdict: Verdict,
        right: Tensor,
        standing: Tensor,
    ) -> dict[str, object]:
        """Return what is written of one attack."""
        number, withstood = len(right), int(standing.sum())
        low, high = ledger.interval(withstood, number)
        outside = f"{attack.word} left the budget {verdict.rejected} times"
        return {
            "checkpoint": str(candidate.path),
            "trial_id": candidate.trial_id,
            "rule": candidate.rule,
            "seed": candidate.seed,
            "attack": attack.word,
            "settings": json.dumps(self.settings(attack), sort_keys=True),
            "norm": self.evaluation.norm,
            "eps": self.evaluation.threat.eps,
            "n": number,
            "clean_accuracy": int(right.sum()) / number,
            "attacked": int(verdict.attacked.sum()),
            "fooled": int((verdict.attacked & ~verdict.standing).sum()),
            "target_success": targeted(verdict),
            "robust_accuracy": withstood / number,
            "low": low,
            "high": high,
            "alone": self.evaluation.settings.each or bool((verdict.attacked == right).all()),
            "rejected": verdict.rejected,
            "audit": outside if verdict.rejected else "",
            "seconds": verdict.seconds,
            "date": str(date.today()),
        }

    def settings(self, attack: Attack) -> dict[str, object]:
        """Return everything that decides what an attack comes to on a checkpoint."""
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

    def key(self, weights: str, attack: Attack, on: Tensor) -> str:
        """Return what tells a verdict from all others."""
        about = json.dumps(self.settings(attack), sort_keys=True)
        files = fingerprint.of_files([self.evaluation.norm, attack.name, *attack.knobs.values()])
        seen = hashlib.sha256("".join([weights, about, files, self.images]).encode())
        seen.update(on.numpy().tobytes())
        return seen.hexdigest()[:16]


def targeted(verdict: Verdict) -> float | None:
    """Return the share of images that were taken for the class aimed at; none if none was."""
    attacked = int(verdict.attacked.sum())
    return int(verdict.hit.sum()) / attacked if verdict.aimed and attacked else None
