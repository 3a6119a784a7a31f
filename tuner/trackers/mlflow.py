"""MLflow: `mlflow.db` in the results folder, or the server that MLFLOW_TRACKING_URI names."""

import logging
import os
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

REQUIRES = "mlflow"


def build(*, folder: Path) -> "MlflowTracker":
    """Return the experiment of a study, named after its results folder.

    Args:
        folder: The results folder.
    """
    mlflow = import_module("mlflow")  # which sets the level of its logger
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)  # they log every table that they create
    address = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    client = mlflow.MlflowClient(tracking_uri=address)
    existing = client.get_experiment_by_name(folder.name)
    experiment_id = existing.experiment_id if existing else client.create_experiment(folder.name)
    return MlflowTracker(client, experiment_id)


class MlflowTracker:
    """An experiment."""

    def __init__(self, client: Any, experiment: str) -> None:  # noqa: ANN401
        self.client, self.experiment = client, experiment

    def begin(self, trial: str, knobs: Mapping[str, object]) -> "MlflowRun":
        """Return a new run of a trial; delete an earlier one, whose name and tag say so.

        MLflow shows deleted runs too, if asked to.
        """
        query = f"tags.`mlflow.runName` = '{trial}'"
        earlier = [run.info.run_id for run in self.client.search_runs([self.experiment], query)]
        tags = {"replaces": ",".join(earlier)} if earlier else {}
        run = self.client.create_run(self.experiment, run_name=trial, tags=tags)
        for run_id in earlier:
            self.client.update_run(run_id, name=f"{trial} replaced by {run.info.run_id}")
            self.client.set_tag(run_id, "replaced_by", run.info.run_id)
            self.client.delete_run(run_id)
        for path, value in knobs.items():
            self.client.log_param(run.info.run_id, path, value)
        return MlflowRun(self.client, run.info.run_id)


class MlflowRun:
    """One run."""

    def __init__(self, client: Any, run: str) -> None:  # noqa: ANN401
        self.client, self.run = client, run
        self.metric_class = import_module("mlflow.entities").Metric

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Log an epoch."""
        now = int(time.time() * 1000)
        metrics = [self.metric_class(name, value, now, step) for name, value in values.items()]
        self.client.log_batch(self.run, metrics)

    def end(self, *, failed: bool) -> None:
        """Set the final status of the run."""
        self.client.set_terminated(self.run, "FAILED" if failed else "FINISHED")
