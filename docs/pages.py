"""The reference pages but those of spaces, recipes and GPU-hours, and the list of all."""

from collections.abc import Callable
from dataclasses import fields

from analysis.commands.diagnose import MEASURES, DiagnosisSettings
from analysis.commands.figures import FigureSettings
from analysis.commands.report import ReportSettings
from analysis.commands.tables import TableSettings
from docs.python_page import python
from docs.render import escaped, table
from docs.sections import group, members, settings_table, summary
from docs.space_pages import recipes, spaces
from trainables.hparams.knobs import parse_argument_docs
from trainables.training.report import Report
from tuner.commands.evaluate import ATTACKS, SUITES, EvaluationSettings
from tuner.commands.export import ExportSettings
from tuner.commands.train import STUDY_KEYS, TrainSettings
from tuner.config.settings import TRACKERS_PACKAGE, Settings
from tuner.config.study_file import FileSettings

FIGURES = "analysis.figures"


def study() -> str:
    """Return the page of the keys of a study."""
    own = ", ".join(f"`{name}`" for name in STUDY_KEYS)
    return f"""# Keys of a study

The keys of `attuner search`, beside `space=` ([spaces](spaces.md)), `recipe=`
([recipes](recipes.md)) and the knobs of the components, which the other pages list.

{settings_table(FileSettings)}

{settings_table(Settings)}

## Keys of `attuner train`

`attuner train` takes {own}, `recipe` and the knobs of the components, and:

{settings_table(TrainSettings)}

## Trackers

`tracker=NAME,NAME`, or `tracker=none`.

{summary("tracker", TRACKERS_PACKAGE)}
"""


def schedulers() -> str:
    """Return the page of schedulers and searchers."""
    return f"""# Schedulers and searchers

How to choose among them is described in [Early stopping](../early_stopping.md).

{group("scheduler", "Schedulers")}

{group("searcher", "Searchers")}
"""


def methods() -> str:
    """Return the page of methods and criteria."""
    return f"""# Methods and criteria

Hypersphere embedding works with any method:
`model.head=cosine model.s=15 criterion=hypersphere criterion.m=0.2`.

{group("method", "Methods")}

{group("criterion", "Criteria")}
"""


def attacks() -> str:
    """Return the page of training attacks and updates."""
    return f"""# Attacks and updates

These components attack during training. The [validation attack](validation.md) and the
[attacks of an evaluation](evaluation.md#attacks) are separate.

{group("attack", "Attacks")}

{group("update", "Updates")}
"""


def validation() -> str:
    """Return the page of the validation attack and the detector of catastrophic overfitting."""
    return f"""# Validation attack and detector of catastrophic overfitting

The validation attack measures the robust accuracy of every trial after each epoch; neither it nor
the threat is searched. The detector compares FGSM with PGD while single-step training runs and ends
a trial whose training has collapsed.

{group("exam", "Validation attack")}

{group("sentinel", "Detector of catastrophic overfitting")}
"""


def models() -> str:
    """Return the page of networks, weight averages and teachers."""
    return f"""# Networks, averages and teachers

{group("model", "Networks")}

{group("average", "Averages")}

{group("teacher", "Teachers")}
"""


def data() -> str:
    """Return the page of data sets and threats."""
    return f"""# Data sets and threats

`data=mnist5k` is part of the repository. torchvision downloads `mnist`, `fashion_mnist`, `cifar10`,
`cifar100` and `svhn` to the folder `data.root`, unless `data.download=false`, and other data sets
with `data=torchvision data.dataset=NAME`. `data=imagenet` reads a folder with `train` and `val`,
which have one folder per class; `data.workers` threads decode the images during training.

Custom images are `data=arrays` (a `.npz` file), `data=folder` (a folder of image files per class)
or `data=huggingface` (a folder that Hugging Face's `datasets` saved). [Search](../search.md#data)
has examples.

Set the threat and its radius on the [0, 1] pixel scale: `threat=linf threat.eps=8/255`.

{group("data", "Data sets")}

{group("threat", "Threats")}
"""


def schedules() -> str:
    """Return the page of optimizers and schedules."""
    return f"""# Optimizers and schedules

Points in time are shares of the run: `schedule.drops=[100/110,105/110]`, `eps_schedule.warmup=3/8`.
`optimizer.lr_batch_size=128` scales the learning rate linearly with the batch size. Periodic
adversarial scheduling is `eps_schedule=cosine periods.resets=[1/2,3/4] average=ensemble`.

{group("optimizer", "Optimizers")}

{group("schedule", "Learning-rate schedules")}

{group("eps_schedule", "Schedules of eps")}

{group("periods", "Restarts of both schedules")}
"""


def evaluation() -> str:
    """Return the page of evaluations and exports."""
    suites = [
        (f"`suite={name}`", " ".join(f"`{each}`" for each in members))
        for name, members in SUITES.items()
    ]
    return f"""# Evaluation and export

## Keys of `tuner.evaluate`

{settings_table(EvaluationSettings)}

## Suites

{table(("suite", "attacks, in their order"), suites)}

## Attacks

`suite=NAME,NAME` chooses attacks by name; `NAME.KNOB=VALUE` sets a knob.

{members(ATTACKS, "suite=", "{}.")}

## Keys of `tuner.export`

{settings_table(ExportSettings)}
"""


def analysis() -> str:
    """Return the page of the keys of `analysis`."""
    return f"""# Report, tables, figures, diagnostics

## Keys of `analysis.report`

{settings_table(ReportSettings)}

## Keys of `analysis.tables`

{settings_table(TableSettings)}

## Keys of `analysis.figures`

{settings_table(FigureSettings)}

## Figures

{summary("figure", FIGURES)}

## Keys of `analysis.diagnose`

{settings_table(DiagnosisSettings)}

## Diagnostics

`measure=NAME,NAME` chooses some of them; `NAME.KNOB=VALUE` sets a knob.

{members(MEASURES, "measure=", "{}.")}
"""


def columns() -> str:
    """Return the page of the columns of `epochs.parquet`."""
    meanings = parse_argument_docs(Report)
    rows = [(f"`{each.name}`", escaped(meanings[each.name])) for each in fields(Report)]
    return f"""# Columns of `epochs.parquet`

One row per trial, level and epoch, with `trial_id` and the columns below. The columns of the other
files are described in [Results](../results.md).

{table(("column", "meaning"), rows)}
"""


PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "study.md": ("Keys of a study", study),
    "python.md": ("Python", python),
    "schedulers.md": ("Schedulers and searchers", schedulers),
    "spaces.md": ("Spaces", spaces),
    "recipes.md": ("Recipes", recipes),
    "methods.md": ("Methods and criteria", methods),
    "attacks.md": ("Attacks and updates", attacks),
    "validation.md": ("Validation attack and detector of catastrophic overfitting", validation),
    "models.md": ("Networks, averages and teachers", models),
    "data.md": ("Data sets and threats", data),
    "schedules.md": ("Optimizers and schedules", schedules),
    "evaluation.md": ("Evaluation and export", evaluation),
    "analysis.md": ("Report, tables, figures, diagnostics", analysis),
    "columns.md": ("Columns of epochs.parquet", columns),
}
"""File name to title and text."""
