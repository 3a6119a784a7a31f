"""Hyper-parameter search, training, evaluation and export with Ray Tune and Optuna."""

import os
import sys

from tuner.cli import signals

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
