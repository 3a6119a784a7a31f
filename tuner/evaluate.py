"""Evaluate checkpoints of a search on the test split: `python -m tuner.evaluate FOLDER`.

The package `tuner` has a function of the same name for Python. Since importing this module makes
it an attribute of the package too, the module can be called like the function.
"""

import sys
from collections.abc import Sequence
from types import ModuleType

from rich.console import Console

from tuner.api import evaluation
from tuner.cli.command import OK
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.commands.evaluate import COMMAND


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: Command line without the program.
    """
    return run_command(words, COMMAND, evaluate)


def evaluate(line: CommandLine, console: Console) -> int:
    """Evaluate the checkpoints and print the results; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    evaluation.evaluate_command(line, console)
    return OK


class CallableModule(ModuleType):
    """This module, which can be called like `tuner.evaluate`."""

    __call__ = staticmethod(evaluation.evaluate)


sys.modules[__name__].__class__ = CallableModule

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
