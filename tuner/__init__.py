"""Hyper-parameter search, training, evaluation and export with Ray Tune and Optuna.

`from tuner import Study, evaluate` is the interface for Python. Its names are imported when they
are first used, as PyTorch and Ray take seconds.
"""

import importlib
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

from tuner.cli import signals

if TYPE_CHECKING:
    from trainables.errors import InputError
    from tuner.api.evaluation import evaluate
    from tuner.api.result import Best, Result
    from tuner.api.study import Study
    from tuner.config.preflight.dry_run import StudyPlan

__all__ = ["Best", "InputError", "Result", "Study", "StudyPlan", "evaluate"]

MODULES = {
    "Best": "tuner.api.result",
    "InputError": "trainables.errors",
    "Result": "tuner.api.result",
    "Study": "tuner.api.study",
    "StudyPlan": "tuner.config.preflight.dry_run",
}
"""Public names and the modules that define them; `evaluate` is a module that can be called."""

signals.install_import_handler()
if sys.argv[:1] == ["-m"] and sys.stderr.isatty():  # a command whose imports take seconds
    print("Loading PyTorch and Ray ...", file=sys.stderr)

RAY_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",  # only the older output engine can be silenced
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers use this environment; none is built
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",  # jobs too: see `tuner.runtime.cluster.runtime_env`
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # `tuner.trackers` write these files
    "RAY_py_gcs_connect_timeout_s": "8",  # how long to wait for a cluster that does not answer
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""Environment variables that Ray reads on import or start; those already set win."""
for _name, _value in RAY_ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
# in a notebook, Ray and tqdm advise on import to install ipywidgets, which nothing here needs
logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message="IProgress not found")


def __getattr__(name: str) -> object:
    """Return a public name, imported now.

    Raises:
        AttributeError: If there is no such name.
    """
    if name == "evaluate":
        return importlib.import_module("tuner.evaluate")
    if name not in MODULES:
        raise AttributeError(f"module 'tuner' has no attribute {name!r}")
    return getattr(importlib.import_module(MODULES[name]), name)


def __dir__() -> list[str]:
    """Return the names of the module, with those not yet imported."""
    return sorted({*globals(), *__all__})
