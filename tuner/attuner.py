"""The program `attuner`: one word chooses the command, e.g. `attuner search space=weight_decay`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from trainables.errors import did_you_mean
from tuner.cli.command import BAD_INPUT, OK, Command
from tuner.cli.completion import SHELLS, complete, print_script
from tuner.cli.console import SafeConsole
from tuner.cli.run import HELP_WORDS, run_command


@dataclass(frozen=True)
class Entry:
    """A command of the program.

    Attributes:
        keys: MODULE:NAME of its `Command`, whose import takes neither PyTorch nor Ray.
        action: MODULE:NAME of what runs it.
        summary: What it does, in a line.
    """

    keys: str
    action: str
    summary: str

    def load(self) -> Command:
        """Return the keys and help of the command."""
        module, _, name = self.keys.partition(":")
        command: Command = getattr(import_module(module), name)
        return command


COMMANDS = {
    "search": Entry(
        "tuner.search:COMMAND",
        "tuner.warm_launch:search",
        "search for the most robust configuration",
    ),
    "train": Entry(
        "tuner.commands.train:COMMAND", "tuner.train:train", "train one configuration, over seeds"
    ),
    "evaluate": Entry(
        "tuner.commands.evaluate:COMMAND",
        "tuner.evaluate:evaluate",
        "attack checkpoints on the test split",
    ),
    "export": Entry(
        "tuner.commands.export:COMMAND",
        "tuner.export:ACTION",
        "write the winner's weights, model card and RobustBench entry",
    ),
    "report": Entry(
        "analysis.commands.report:COMMAND",
        "analysis.report.__main__:ACTION",
        "write an HTML page about searches, or follow a running one",
    ),
    "tables": Entry(
        "analysis.commands.tables:COMMAND",
        "analysis.tables.__main__:ACTION",
        "compare results with the tables of papers",
    ),
    "figures": Entry(
        "analysis.commands.figures:COMMAND",
        "analysis.figures.__main__:ACTION",
        "draw figures for a paper",
    ),
    "diagnose": Entry(
        "analysis.commands.diagnose:COMMAND",
        "analysis.diagnose:ACTION",
        "measure gradient alignment, Hessian, loss surface, ...",
    ),
    "check": Entry(
        "tuner.commands.check:COMMAND",
        "tuner.check:check_components",
        "check a component that you wrote",
    ),
}
VERSION_WORDS = {"--version", "-V", "version"}
COMPLETION, COMPLETE = "completion", "complete-words"
"""The command that prints a script for a shell, and the one that such a script calls."""


def main(words: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status.

    Args:
        words: Command line without the program; `None`: that of this process.
    """
    words = sys.argv[1:] if words is None else words
    first, rest = (words[0], words[1:]) if words else ("--help", ())
    if first in COMMANDS:
        entry = COMMANDS[first]
        return run_command(rest, entry.load(), entry.action, loading_message="Loading ...")
    if first == COMPLETE:
        return complete(rest, list(COMMANDS), lambda name: COMMANDS[name].load())
    if first == COMPLETION and rest and rest[0] in SHELLS:
        print_script(rest[0])
        return OK
    if first in VERSION_WORDS:
        print(f"attuner {installed_version()}")
        return OK
    if first in HELP_WORDS and rest and rest[0] in COMMANDS:
        return main([rest[0], "--help", *rest[1:]])
    if first in HELP_WORDS or first == COMPLETION:
        print_commands(SafeConsole())
        return OK if first in HELP_WORDS else BAD_INPUT
    hint = did_you_mean(first, [*COMMANDS, COMPLETION])
    text = f"attuner: no command {first!r}.{hint} There are: {', '.join([*COMMANDS, COMPLETION])}."
    SafeConsole(stderr=True).print(text, soft_wrap=True)
    return BAD_INPUT


def installed_version() -> str:
    """Return the version of the installed package; "unknown" for a checkout on PYTHONPATH."""
    try:
        return version("attuner")
    except PackageNotFoundError:
        return "unknown"


def print_commands(console: SafeConsole) -> None:
    """Print the commands with a line each."""
    console.print("Hyper-parameter search for adversarial training.\n")
    for name, entry in COMMANDS.items():
        console.print(f"  attuner {name:<11}{entry.summary}")
    console.print(f"  attuner {COMPLETION:<11}print a completion script: {', '.join(SHELLS)}")
    console.print(
        "\n`attuner COMMAND --help` has the arguments of a command, `--version` the version."
    )


if __name__ == "__main__":
    sys.exit(main())
