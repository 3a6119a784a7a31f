"""The study: from a command line to finished trials. The only package that knows Ray's Tuner."""

import os

from tuner.cli import signals

signals.install_import_handler()

RAY_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",  # the older engine can be silent; this package prints the one table
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers share this environment, nothing to build
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",  # trials get what `tuner.runtime.cluster.runtime_env` sends, in jobs too
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # trackers write what several of them would
    "RAY_py_gcs_connect_timeout_s": "8",  # to wait for an answer from an address with no cluster
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""Read by Ray when it is imported or started; a user's own setting wins."""
for _name, _value in RAY_ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
