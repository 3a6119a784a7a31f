"""Covariance matrix adaptation (Hansen, 2016, arXiv:1604.00772), for ranges of numbers.

What is listed, or searched by some variants only, is drawn at random.
"""

import io
import pickle

import optuna

from trainables.hparams.ranges import Natural

LEARNS = False
"""From trials that it did not propose."""
SINGLE = True
"""It maximises one number."""


ALLOWED_CLASSES = {
    ("cmaes._cma", "CMA"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),  # before NumPy 2 too
}
"""What the state of the adaptation consists of: numbers, and arrays of them."""


class NumbersUnpickler(pickle.Unpickler):
    """Reads a pickle of numbers; nothing that it names else is looked up, let alone called."""

    def find_class(self, module: str, name: str) -> object:
        """Return a part of the state.

        Raises:
            UnpicklingError: If it is none.
        """
        if (module, name) not in ALLOWED_CLASSES:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of the state")
        return super().find_class(module, name)


class SafeCmaEsSampler(optuna.samplers.CmaEsSampler):
    """Optuna's, which keeps its state in the study as a pickle; that of a stranger runs nothing."""

    def _restore_optimizer(self, completed_trials: list[optuna.trial.FrozenTrial]) -> object:
        """Return the newest state; none, to begin anew, if there is none or it is more than one."""
        for trial in reversed(completed_trials):
            key = self._attr_key_optimizer
            parts = {k: text for k, text in trial.system_attrs.items() if k.startswith(key)}
            if not parts:
                continue
            try:
                kept = io.BytesIO(bytes.fromhex(self._concat_optimizer_attrs(parts)))
                return NumbersUnpickler(kept).load()
            except Exception:  # a broken pickle can fail in any way
                return None
        return None


def build(*, seed: int, startup: Natural = 1) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Decides its draws.
        startup: Random trials before it starts to adapt.
    """
    return SafeCmaEsSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
