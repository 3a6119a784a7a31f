"""Run a search; start Ray before PyTorch is imported, since both take seconds."""

from contextlib import ExitStack

from rich.console import Console

from tuner.cli.parse import CommandLine
from tuner.cli.schema import read_settings
from tuner.config.settings import Settings
from tuner.runtime.cluster.early_start import starting_ray


def search(line: CommandLine, console: Console) -> int:
    """Do what `tuner.launch.search` does, while Ray starts; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    settings, problems = read_settings(Settings, line.arguments)
    with ExitStack() as stack:
        if not (problems or line.problems):
            stack.enter_context(starting_ray(settings))
        from tuner.launch import search as run  # noqa: PLC0415  # imports PyTorch

        return run(line, console)
