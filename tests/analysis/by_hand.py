"""Small studies, written by hand."""

from itertools import chain

import pandas as pd

from analysis import frame_schema
from analysis.frames import Frames, Study, add_study_column

NO_EVALUATION = pd.DataFrame(columns=["trial_id", "attack"])


def epoch_rows(trial, *robust, level=0, clean=0.9, start=1):
    """Return the epochs of one run of a trial, by their robust accuracies."""
    return [
        {
            "trial_id": trial,
            "level": level,
            "epoch": epoch,
            "val_robust_accuracy": value,
            "val_clean_accuracy": clean,
            "gradient_passes": 2.0 * epoch,
            "seconds": 3.0,
        }
        for epoch, value in enumerate(robust, start=start)
    ]


def trial_row(number, status="completed", *, seed=0, **more):
    """Return a row of trials; `optimizer__lr=1` is the knob optimizer.lr."""
    knobs = {name.replace("__", "."): value for name, value in more.items()}
    return {"trial_id": number, "status": status, "seed": seed, **knobs}


def study_frames(trials, runs, name="s", evaluation=NO_EVALUATION, knobs=(), **said):
    """Return the frames of one study."""
    problems = []
    return Frames(
        studies={
            name: Study(name=name, folder="there", description={"study": {}, **said}, knobs=knobs)
        },
        trials=add_study_column(frame_schema.validate_trials(pd.DataFrame(trials), problems), name),
        epochs=add_study_column(
            frame_schema.validate_epochs(pd.DataFrame(list(chain(*runs))), problems), name
        ),
        evaluation=add_study_column(pd.DataFrame(evaluation), name),
    )
