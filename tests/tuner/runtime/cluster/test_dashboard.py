"""The address of the dashboard is printed."""

import io
from types import SimpleNamespace

import pytest

from tuner.cli.console import SafeConsole
from tuner.config.settings import Settings
from tuner.runtime.cluster import dashboard


@pytest.mark.parametrize(
    ("wanted", "address", "message"),
    [
        (True, "127.0.0.1:8265", "Dashboard: http://127.0.0.1:8265; the token"),
        (True, "", "caution: dashboard: Ray has started none; the study runs without."),
        (False, "127.0.0.1:8265", ""),
    ],
)
def test_its_address_is_printed_or_that_there_is_none(wanted, address, message, monkeypatch):
    joined = SimpleNamespace(dashboard_url=address)
    monkeypatch.setattr(dashboard.ray, "init", lambda **_: joined)
    console = SafeConsole(file=io.StringIO())
    dashboard.print_dashboard_url(Settings(dashboard=wanted), console)
    assert console.file.getvalue().startswith(message)
    assert bool(console.file.getvalue()) == wanted
