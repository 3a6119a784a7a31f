"""What this project wants to reach on one H100 or H200, and whether a run did."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.gpu.contenders import PLAIN, TORCHATTACKS, ours
from benchmarks.gpu.settings import Values

Number = float | None


@dataclass(frozen=True)
class Target:
    """A bound on a number of the results.

    Attributes:
        text: What is bounded.
        bound: The bound.
        read: Returns the number; raises LookupError or TypeError where it was not measured.
        at_least: Whether the bound is a lower one.
    """

    text: str
    bound: float
    read: Callable[[Values], Number]
    at_least: bool = False

    def check(self, results: Values) -> tuple[Number, str]:
        """Return the number, and "met", "not met" or "not measured"."""
        try:
            number = self.read(results)
        except (LookupError, TypeError, ZeroDivisionError, ValueError):
            number = None
        if number is None:
            return None, "not measured"
        is_met = number >= self.bound if self.at_least else number <= self.bound
        return number, "met" if is_met else "not met"


def step_ratio(network: str, other: str) -> Callable[[Values], Number]:
    """Return a function of the results: our default's time of a step over another's."""

    def read(results: Values) -> Number:
        rows = results["steps"][network]["PGD-AT"]
        return float(rows[ours()]["ms"] / rows[other]["ms"])

    return read


def read_memory(results: Values) -> Number:
    """Return the largest ratio of peak memory to the plain loop's."""
    parts = (part for part in results["memory"].values() if isinstance(part, Mapping))
    return max(float(part["ratio"]) for part in parts if part.get("ratio"))


def read_packing(results: Values) -> Number:
    """Return the throughput of the chosen packing over that of the best."""
    packing = results["packing"]
    chosen = packing["chosen"]["trials"]
    rates = [packing[kind] for kind in ("without MPS", "with MPS") if "1" in packing.get(kind, {})]
    # a search uses MPS where it can; beyond the largest number that was measured, it is that of it
    used = rates[-1]
    measured = [number for number in used if int(number) <= chosen]
    best = max(rate for each in rates for rate in each.values())
    return float(used[max(measured, key=int)] / best)


def largest_evaluation(results: Values) -> Values:
    """Return the comparison of AutoAttack on most images."""
    done: list[tuple[int, Values]] = [
        (int(name.split()[0]), found)
        for name, found in results["autoattack"].items()
        if name.endswith("images") and "ratio" in found
    ]
    return max(done, key=lambda pair: pair[0])[1]


STEP_BOUNDS = (
    ("preact_resnet18", 0.25, 0.35),
    ("wrn_28_10", 0.22, 0.42),
    ("small_cnn", 0.16, 0.21),
)
"""Network, and the largest ratio of a default step to the plain loop and to torchattacks."""
TARGETS = (
    *(
        Target(f"step of {network}, default / {other}", bound, step_ratio(network, other))
        for network, *bounds in STEP_BOUNDS
        for other, bound in zip((PLAIN, TORCHATTACKS), bounds, strict=True)
    ),
    Target(
        "share of the time in which kernels run",
        0.9,
        lambda results: float(results["profile"]["graphs"]["share_in_kernels"]),
        at_least=True,
    ),
    Target("peak memory, default / plain loop", 1.3, read_memory),
    Target("throughput of the chosen packing / best", 0.9, read_packing, at_least=True),
    Target(
        "AutoAttack, ours / pyautoattack",
        0.5,
        lambda results: float(largest_evaluation(results)["ratio"]),
    ),
    Target(
        "AutoAttack, images with different verdicts",
        0,
        lambda results: float(largest_evaluation(results)["different_verdicts"]),
    ),
    Target(
        "resume with deterministic=true is exact",
        1,
        lambda results: float(results["exactness"]["resume, deterministic"]["identical"]),
        at_least=True,
    ),
)
"""All targets, in the order in which they are printed."""
