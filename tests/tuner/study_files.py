"""Results folders as searches leave them, written by hand."""

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.config import description
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments
from tuner.state.trial import Record, distinguishing_knobs
from tuner.storage import results_folder
from tuner.storage.event_log import EventLog

ARGUMENTS = [
    *("space=weight_decay", "epochs=3", "trials=9", "fidelity=epochs"),
    *("scheduler=asha", "scheduler.variant=stopping", "scheduler.grace=1/2"),
]


def make_plan(*words):
    return compose_plan(*parse_search_arguments([*ARGUMENTS, *words]))


def make_record(plan, number, *robust, status="completed", clean=0.9, **knobs):
    """Return a trial of a plan's first variant, its searched knobs given as group__knob."""
    variant = plan.variants[0]
    groups = {group: dict(values) for group, values in variant.fixed.items()}
    for path, value in knobs.items():
        group, _, knob = path.partition("__")
        groups[group][knob] = value
    reports = [make_report(epoch, value, clean) for epoch, value in enumerate(robust, start=1)]
    columns = distinguishing_knobs(groups | {"variant": variant.label}, plan.knob_columns)
    bound = plan.settings.goal.constraint
    return Record(f"{number:04d}", columns, 0, groups, reports, status, constraint=bound)


def write_results_folder(folder, plan, *records):
    """Write down what happened to trials of a plan."""
    folder.mkdir(exist_ok=True)
    results_folder.write_search_yaml(
        folder, description.describe_study(plan, [Level(plan.epochs)], 0, [])
    )
    journal = EventLog(folder)
    for record in records:
        journal.log_start(record)
        for each in record.reports:
            journal.log_report(record.trial_id, each)
        if record.status != "running":
            journal.log_end(record)
    journal.close()
    return folder
