"""Covariance matrix adaptation (Hansen, 2016, arXiv:1604.00772), for ranges of numbers.

Listed values, and knobs that only some variants search, are drawn at random.
"""

import io
import pickle

import optuna

from trainables.hparams.ranges import Natural

LEARNS = False
"""Whether it learns from trials that it did not propose."""
SINGLE = True
"""Whether it supports one objective only."""


ALLOWED_CLASSES = {
    ("cmaes._cma", "CMA"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),  # before NumPy 2 too
}
"""Classes in a pickled state of CMA-ES: numbers and arrays."""


class NumbersUnpickler(pickle.Unpickler):
    """Unpickler that refuses every class and function but those of a state of CMA-ES."""

    def find_class(self, module: str, name: str) -> object:
        """Return a class of the state.

        Raises:
            UnpicklingError: If the state may not contain it.
        """
        if (module, name) not in ALLOWED_CLASSES:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of the state")
        return super().find_class(module, name)


class SafeCmaEsSampler(optuna.samplers.CmaEsSampler):
    """Optuna's sampler with a restricted unpickler: it pickles its state into the study."""

    def _restore_optimizer(self, completed_trials: list[optuna.trial.FrozenTrial]) -> object:
        """Return the newest valid state; `None`: start again."""
        for trial in reversed(completed_trials):
            key = self._attr_key_optimizer
            parts = {k: text for k, text in trial.system_attrs.items() if k.startswith(key)}
            if not parts:
                continue
            try:
                pickled = io.BytesIO(bytes.fromhex(self._concat_optimizer_attrs(parts)))
                return NumbersUnpickler(pickled).load()
            except Exception:  # a corrupt pickle can raise anything
                return None
        return None


def build(*, seed: int, startup: Natural = 1) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of its draws.
        startup: Random trials before it starts to adapt.
    """
    return SafeCmaEsSampler(seed=seed, n_startup_trials=startup, warn_independent_sampling=False)
