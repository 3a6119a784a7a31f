"""The keys of `attuner train`, and its `--help`."""

from dataclasses import dataclass

from trainables.components import GROUPS
from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import Location
from tuner.cli.command import Command, parse_without_folders
from tuner.cli.parse import Vocabulary
from tuner.cli.values import TrustedFiles
from tuner.config.settings import Settings
from tuner.config.study_groups import RECIPES_PACKAGE
from tuner.config.typed_values import parse_search_value

STUDY_KEYS = (
    *("epochs", "seed", "seeds", "constraint", "init", "cpu", "gpu", "mps"),
    *("precision", "graphs", "deterministic", "compile"),
    *("concurrency", "time_budget", "report_limit", "disk_budget", "results", "name", "resume"),
    *("dry_run", "log", "address", "dashboard", "tracker"),
)
"""Keys of a study that apply to a single configuration."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Keys of the command besides those of a study.

    Attributes:
        config: File such as best/config.yaml, or its address, in place of a recipe.
        trust: Python files that `config` may name and that may run, separated by commas.
    """

    config: Location | None = None
    trust: TrustedFiles = ()


VOCABULARY = Vocabulary(
    keys=("recipe", *read_knobs(TrainSettings), *STUDY_KEYS),
    groups={name: group.outline() for name, group in GROUPS.items()},
    paths=frozenset({*read_knobs(TrainSettings), "results", "name"}),
    optional=frozenset(
        name
        for schema in (TrainSettings, Settings)
        for name, knob in read_knobs(schema).items()
        if knob.allows_none
    ),
    parse=parse_search_value,
)
COMMAND = Command(
    name="train",
    introduction="""\
Train one configuration, without a search.

  attuner train recipe=rice2020 seeds=3
  attuner train config=results/NAME/best/config.yaml

The configuration comes from a recipe or a file such as best/config.yaml;
arguments override it. The same configuration and seed give the same numbers,
bit for bit, on the same machine.
""",
    vocabulary=VOCABULARY,
    schemas=(TrainSettings, Settings),
    packages={"recipe": RECIPES_PACKAGE},
    parse=parse_without_folders,
)
