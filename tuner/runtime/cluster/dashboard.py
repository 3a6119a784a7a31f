"""The address of Ray's dashboard."""

import ray
from rich.console import Console

from tuner.config.settings import Settings
from tuner.runtime.cluster.local_start import RAY_INIT_OPTIONS


def print_dashboard_url(settings: Settings, console: Console) -> None:
    """Print the address of the dashboard, if the settings ask for one."""
    if not settings.dashboard:
        return
    address = ray.init(ignore_reinit_error=True, **RAY_INIT_OPTIONS).dashboard_url
    if address:
        text = f"Dashboard: http://{address}; the token that it asks for: ray get-auth-token"
    else:
        text = "caution: dashboard: Ray has started none; the study runs without."
    console.print(text, soft_wrap=True)
