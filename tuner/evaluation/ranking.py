"""Rank the best trials by the attacks of an evaluation, on as few images as the order takes.

All trials are attacked on the same images of the validation split, in random order, block by block.
After each block, each pair whose order is decided is settled; a trial that no open pair needs is
attacked no more. The error of a pair is divided by the number of pairs (Bonferroni), so that with
the stated confidence no decided pair is wrong. The validation split is used because choosing a
winner by the test split would make its test accuracy optimistically biased.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from rich.console import Console
from torch import Tensor

from trainables.errors import InputError
from trainables.evaluation.attack_state import AttackState
from trainables.evaluation.attempt import correct_mask
from trainables.networks.memory_format import to_channels_last
from tuner.evaluation import fingerprint
from tuner.evaluation.paired_difference import PairedCounts
from tuner.evaluation.prepare import Evaluation
from tuner.evaluation.run import EvaluationRunner

ORDER_SEED = 1
"""Seed of the order of the images; the same for all trials, and when an evaluation resumes."""
N_BLOCKS = 20
"""Blocks into which the images are divided, unless these are smaller than `MIN_BLOCK`."""
MIN_BLOCK = {"cpu": 25, "cuda": 256}
"""Images of a block at least; small batches leave a GPU idle."""
Pair = tuple[int, int]


@dataclass
class Ranking:
    """What is known about the order of some networks.

    Attributes:
        n_networks: Number of networks.
        n_images: Number of images that there are.
        error: Probability that any decided pair is wrong.
        goal: "order": decide all pairs; "best": decide which network is the best.
        robust: Results (images so far,) of each network, in the order of the images.
        decided: Pairs whose first network is more robust, with what follows from them.
    """

    n_networks: int
    n_images: int
    error: float
    goal: str = "order"
    robust: list[Tensor] = field(default_factory=list)
    decided: set[Pair] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.robust = [torch.zeros(0, dtype=torch.bool) for _ in range(self.n_networks)]

    @property
    def pairs(self) -> list[Pair]:
        """All pairs."""
        return list(itertools.combinations(range(self.n_networks), 2))

    def is_open(self, pair: Pair) -> bool:
        """Return whether the order of a pair is needed and undecided."""
        if pair in self.decided or pair[::-1] in self.decided:
            return False
        return self.goal == "order" or not any(map(self.is_beaten, pair))

    def is_beaten(self, network: int) -> bool:
        """Return whether another network is more robust."""
        return any(loser == network for _, loser in self.decided)

    def open_networks(self) -> list[int]:
        """Return the networks that are still to be attacked, ascending."""
        needed = {network for pair in self.pairs if self.is_open(pair) for network in pair}
        return sorted(needed) if self.n_images > max(map(len, self.robust)) else []

    def compare(self, pair: Pair) -> PairedCounts:
        """Return the counts of a pair over the images that both have been attacked on."""
        one, other = (self.robust[network] for network in pair)
        number = min(len(one), len(other))
        return PairedCounts.compare(one[:number], other[:number])

    @property
    def pair_error(self) -> float:
        """The error of one pair."""
        return self.error / max(len(self.pairs), 1)

    def decide(self) -> None:
        """Settle the open pairs whose order is decided, and what follows from them."""
        for pair in filter(self.is_open, self.pairs):
            if sign := self.compare(pair).sign(self.pair_error):
                self.decided.add(pair if sign > 0 else pair[::-1])
        for middle, one, other in itertools.product(range(self.n_networks), repeat=3):
            if {(one, middle), (middle, other)} <= self.decided and one != other:
                self.decided.add((one, other))

    def ranks(self, network: int) -> tuple[int, int]:
        """Return the best and the worst rank that a network can have, from 1."""
        losses = sum(loser == network for _, loser in self.decided)
        wins = sum(winner == network for winner, _ in self.decided)
        return 1 + losses, self.n_networks - wins

    def accuracy(self, network: int) -> float:
        """Return the robust accuracy of a network on the images that it was attacked on."""
        return float(self.robust[network].float().mean())

    def sorted_networks(self) -> list[int]:
        """Return the networks, best first; undecided ones by their accuracy on common images."""
        common = min(map(len, self.robust))
        return sorted(
            range(self.n_networks),
            key=lambda n: (sum(self.ranks(n)), -float(self.robust[n][:common].float().mean())),
        )

    @property
    def saved(self) -> float:
        """Share of the images x networks that were not attacked."""
        return 1 - sum(map(len, self.robust)) / (self.n_networks * self.n_images)


class RankingRunner(EvaluationRunner):
    """Attacks the networks of an evaluation block by block until their order is decided."""

    def __init__(self, evaluation: Evaluation, console: Console) -> None:
        super().__init__(evaluation, console)
        number = len(evaluation.images)
        rng = torch.Generator().manual_seed(ORDER_SEED)
        size = max(-(-number // N_BLOCKS), MIN_BLOCK[self.device.type])
        self.blocks = torch.randperm(number, generator=rng).split(size)
        self.models = [
            to_channels_last(each.load().to(self.device)) for each in evaluation.checkpoints
        ]
        self.weights = [
            fingerprint.hash_network(model, each.model_member())
            for model, each in zip(self.models, evaluation.checkpoints, strict=True)
        ]

    def rank(self) -> Ranking:
        """Attack until the order is decided or there are no images left.

        Raises:
            InputError: If an attack fails, or a saved attack state is corrupt.
        """
        settings, number = self.evaluation.settings, len(self.evaluation.images)
        ranking = Ranking(
            len(self.models), number, 1 - settings.confidence, goal=settings.rank or "order"
        )
        correct = [correct_mask(model, self.evaluation.images, self.batch_size)
                   for model in self.models]  # fmt: skip
        for block in self.blocks:
            networks = ranking.open_networks()
            if not networks:
                break
            for network in networks:
                mask = torch.zeros(number, dtype=torch.bool)
                mask[block] = correct[network][block]
                robust = self.attack_block(network, mask)[block]
                ranking.robust[network] = torch.cat([ranking.robust[network], robust])
            ranking.decide()
            self.print_progress(ranking)
        return ranking

    def attack_block(self, network: int, mask: Tensor) -> Tensor:
        """Return which images (N,) of `mask` (N,) are robust to all attacks.

        Raises:
            InputError: If an attack fails, or a saved attack state is corrupt.
        """
        checkpoint, robust = self.evaluation.checkpoints[network], mask
        for attack in self.attacks:
            key = self.build_state_key(self.weights[network], attack, robust)
            try:
                state = self.attack_checkpoint(
                    self.models[network], attack, robust.clone(), key, checkpoint
                )
            except RuntimeError as error:  # out of memory, or a custom network or attack
                reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
                raise InputError([
                    f"rank: {attack.label} failed on {checkpoint.label} ({reason}); results so far "
                    "are kept: rerun the same command to continue, e.g. with a smaller batch=."
                ]) from error
            robust = state.robust_mask
        return robust

    @contextmanager
    def show_progress(
        self,
        title: str,  # noqa: ARG002  # the signature of the method that this overrides
        n_attempts: int,  # noqa: ARG002
        state: AttackState,  # noqa: ARG002
    ) -> Iterator[Callable[[AttackState, int], None]]:
        """Show nothing: there is a line for each block instead of each attack."""
        yield ignore_progress

    def print_progress(self, ranking: Ranking) -> None:
        """Print how much is decided after a block."""
        n_open = sum(map(ranking.is_open, ranking.pairs))
        self.console.print(
            f"{max(map(len, ranking.robust))} of {ranking.n_images} validation images: {n_open} of "
            f"{len(ranking.pairs)} pairs are open.",
            soft_wrap=True,
        )


def ignore_progress(state: AttackState, n_attacked: int) -> None:
    """Do nothing after a chunk."""
