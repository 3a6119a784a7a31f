"""The arguments of `python -m tuner.evaluate`, and its `--help`."""

from rich.console import Console

from trainables.components import GROUPS
from trainables.hparams.group import Group
from trainables.hparams.knobs import read_knobs
from tuner.cli.help import build_knob_table, first_docstring_line, print_heading
from tuner.cli.schema import build_vocabulary
from tuner.config.domain_parser import parse_value_or_domain
from tuner.evaluation.settings import EvaluationSettings
from tuner.evaluation.suites import ATTACKS, SUITES

TRIAL_GROUPS = ("threat", "data", "model")
"""Groups of a trial that the command line of an evaluation may override."""
INTRODUCTION = """\
Attack the selected checkpoints of a finished search on the test split.

  python -m tuner.evaluate results/weight_decay-pgd_at-20261121-083000
  python -m tuner.evaluate FOLDER suite=pgd_50_10,square images=1000
  python -m tuner.evaluate FOLDER rules=best_validation_robust,last_epoch,oracle suite=quick
  python -m tuner.evaluate weights=net.pt model=resnet18 data=cifar10 threat=linf threat.eps=8/255

If interrupted, rerun the same command to continue. A row of evaluation.parquet is written once;
other settings add another row.
"""


def build_attack_groups() -> dict[str, Group]:
    """Return each attack as a group of knobs."""
    return {
        name: Group("an attack", None, (), (ATTACKS.load(name).passes,))
        for name in ATTACKS.members()
    }


VOCABULARY = build_vocabulary(
    EvaluationSettings,
    groups={name: GROUPS[name] for name in TRIAL_GROUPS} | build_attack_groups(),
    parse=parse_value_or_domain,
)


def print_usage(console: Console) -> None:
    """Print the help text."""
    console.print(INTRODUCTION)
    print_heading(console, "Evaluation", "KEY=VALUE")
    console.print(build_knob_table(read_knobs(EvaluationSettings), ""))
    print_heading(console, "Suites", "suite=NAME")
    for name, attacks in SUITES.items():
        console.print(f"  {name}: {', '.join(attacks)}")
    print_heading(console, "Attacks", "suite=NAME, NAME.KNOB=VALUE")
    for name in ATTACKS.members():
        module = ATTACKS.load(name)
        console.print(f"  {name}: {first_docstring_line(module)}")
        if knobs := read_knobs(module.passes):
            console.print(build_knob_table(knobs, f"{name}."))
    console.print("\nthreat=, data= and model= are the same as in tuner.search.")
