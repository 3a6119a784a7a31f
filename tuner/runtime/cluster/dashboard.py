"""Ray's dashboard: where it is, and what trials are called there."""

import ray
from rich.console import Console

from tuner.config.settings import Settings
from tuner.runtime.cluster.session import RAY_INIT_OPTIONS


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
