"""Results folders as searches leave them, written by hand."""

from tests.oracles import report
from trainables.levels import Level
from tuner import results
from tuner.arguments import read
from tuner.compose import compose
from tuner.journal import Journal
from tuner.record import Record
from tuner.watch import told_apart

WORDS = ["space=weight_decay", "epochs=3", "trials=9", "scheduler=asha"]


def planned(*words):
    return compose(*read([*WORDS, *words]))


def trial(plan, number, *robust, status="completed", clean=0.9, **knobs):
    """Return a trial of a plan's first variant, its searched knobs given as group__knob."""
    variant = plan.variants[0]
    groups = {group: dict(values) for group, values in variant.fixed.items()}
    for path, value in knobs.items():
        group, _, knob = path.partition("__")
        groups[group][knob] = value
    reports = [report(epoch, value, clean) for epoch, value in enumerate(robust, start=1)]
    columns = told_apart(groups | {"variant": variant.label}, plan.columns)
    bound = plan.settings.goal.constraint
    return Record(f"{number:04d}", columns, 0, groups, reports, status, constraint=bound)


def leave(folder, plan, *records):
    """Write down what happened to trials of a plan."""
    folder.mkdir(exist_ok=True)
    results.write_study(folder, results.describe(plan, [Level(plan.epochs)], 0, []))
    journal = Journal(folder)
    for record in records:
        journal.began(record)
        for each in record.reports:
            journal.reported(record.trial_id, each)
        if record.status != "running":
            journal.ended(record)
    journal.close()
    return folder
