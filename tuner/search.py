"""Search for the most robust configuration: `attuner search space=weight_decay`."""

import sys
from collections.abc import Sequence
from dataclasses import fields

from trainables.components import GROUPS
from trainables.hparams.knobs import read_knobs
from tuner.cli.command import Command
from tuner.cli.parse import Vocabulary, parse_arguments
from tuner.cli.run import run_command
from tuner.config.settings import TRACKERS_PACKAGE, Settings
from tuner.config.study_file import FileSettings, parse_with_files
from tuner.config.study_groups import RECIPES_PACKAGE, SPACES_PACKAGE, STUDY_GROUPS
from tuner.config.typed_values import parse_search_value

VOCABULARY = Vocabulary(
    keys=("config", "space", "recipe", *(field.name for field in fields(Settings))),
    groups={name: group.outline() for name, group in {**GROUPS, **STUDY_GROUPS}.items()},
    paths=frozenset({
        "name",
        *(name for name, knob in read_knobs(Settings).items() if knob.is_path),
    }),
    optional=frozenset(name for name, knob in read_knobs(Settings).items() if knob.allows_none),
    parse=parse_search_value,
)
DOMAINS = """\
Domains  GROUP.KNOB=DOMAIN, in quotes, as shells read parentheses
  uniform(LOW,HIGH)         a number between two ends
  loguniform(LOW,HIGH)      the same on a logarithmic scale
  quniform(LOW,HIGH,STEP), qloguniform(LOW,HIGH,STEP)    multiples of a step
  randint(LOW,HIGH), lograndint(LOW,HIGH), qrandint(LOW,HIGH,STEP)    whole numbers
  choice(VALUE,VALUE,...)   one of several values
  grid(VALUE,VALUE,...)     every one of several values
  prior(VALUE,FACTOR), prior(VALUE,DEVIATION,DOMAIN)    for searcher=priorband
A number may be a fraction: 8/255. A component can be searched too: 'model=choice(lenet,small_cnn)'.
"""
COMMAND = Command(
    name="search",
    introduction="""\
Search for the most robust configuration of adversarial training.

  attuner search space=weight_decay
  attuner search space=weight_decay data=cifar10 gpu=0.5 trials=40
  attuner search method=trades 'method.beta=uniform(1,12)' dry_run=true
  attuner search config=study.yaml trials=40

GROUP=NAME sets a component, GROUP.KNOB=VALUE a hyper-parameter (knob),
KEY=VALUE an option of the study. GROUP.KNOB=DOMAIN searches a knob. A recipe
sets the fixed values, a space the searched ranges; arguments override both.
""",
    vocabulary=VOCABULARY,
    schemas=(FileSettings, Settings),
    packages={"space": SPACES_PACKAGE, "recipe": RECIPES_PACKAGE, "tracker": TRACKERS_PACKAGE},
    texts={"domains": DOMAINS},
    parse=parse_with_files,
)


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: Command line without the program.
    """
    return run_command(words, COMMAND, "tuner.warm_launch:search")


def parse_search_arguments(words: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Return the arguments of a search as nested dictionaries, and their problems.

    Args:
        words: Command line without the program.
    """
    return parse_arguments(words, VOCABULARY)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
