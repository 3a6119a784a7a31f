"""The groups that `attuner check` checks, and its `--help`."""

from trainables.components import GROUPS
from tuner.cli.command import Command, parse_without_folders
from tuner.cli.parse import Vocabulary

CHECKED_GROUPS = (
    *("data", "model", "method", "criterion", "attack", "update"),
    *("optimizer", "schedule", "eps_schedule"),
)
"""Groups with a contract in `tuner.contracts`."""
COMMAND = Command(
    name="check",
    introduction="""\
Check a custom method, network, data set or other component by what every
component of its group must do: shapes, ranges, gradients, device, random
numbers, documentation. It takes seconds, and all problems are reported at
once.

  attuner check method=./mine.py
  attuner check model=./net.py data=arrays data.path=mine.npz
  attuner check attack=./mine.py attack.steps=3
""",
    vocabulary=Vocabulary(
        keys=(), groups={name: GROUPS[name].outline() for name in CHECKED_GROUPS}
    ),
    parse=parse_without_folders,
)
