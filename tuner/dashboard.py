"""Ray's dashboard: where it is, and what trials are called there."""

from typing import Any

import ray
from ray.tune.trainable.function_trainable import wrap_function
from rich.console import Console

from trainables.trainable import trainable
from tuner.cluster import RAY_INIT_OPTIONS
from tuner.settings import Settings
from tuner.watch import distinguishing_knobs


def print_dashboard_url(settings: Settings, console: Console) -> None:
    """Print where the dashboard of the Ray that this process has joined is, if it is wanted."""
    if not settings.dashboard:
        return
    address = ray.init(ignore_reinit_error=True, **RAY_INIT_OPTIONS).dashboard_url
    if address:
        told = f"Dashboard: http://{address}; the token that it asks for: ray get-auth-token"
    else:
        told = "caution: dashboard: Ray has started none; the study runs without."
    console.print(told, soft_wrap=True)


class NamedTrial(wrap_function(trainable)):  # type: ignore[misc]
    """A trial in a process of its own, which the dashboard lists by its number and knobs."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the name that Ray asks for once, when the process has started."""
        knobs = distinguishing_knobs(config, config["columns"])
        words = [f"trial {config['trial']}", *(f"{path}={value}" for path, value in knobs.items())]
        self._name = " ".join(words)
        super().setup(config)
