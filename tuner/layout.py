"""The files of a study's frames, and the columns of its trials with their types."""

EVENT_LOG_FILE = "journal.jsonl"
CHECKPOINT_PATTERN = "checkpoint_*"
"""In the folder of a trial, as Ray names them."""
OPTUNA_FILE = "optuna.log"
SEARCH_FILE = "search.yaml"
RESULTS_FOLDER = "results"
"""Folder of results folders, and of the copies of those at addresses, where a command is typed."""
TRIALS_FOLDER = "trials"
"""Ray's own files, in the results folder."""

TRIALS_FILE, EPOCHS_FILE, EVALUATION_FILE = "trials.parquet", "epochs.parquet", "evaluation.parquet"

TRIAL_COLUMNS = {
    "trial_id": "str",
    "status": "str",
    "best_epoch": "Int64",
    "level": "Int64",
    "val_clean_accuracy": "float64",
    "val_robust_accuracy": "float64",
    "last_val_robust_accuracy": "float64",
    "robust_overfitting": "float64",
    "collapsed_at": "Int64",
    "epochs": "int64",
    "seconds": "float64",
    "gradient_passes": "float64",
    "micro_batch": "Int64",
    "seed": "int64",
    "checkpoint": "str",
    "error": "str",
}
"""Columns of `trials` that every study has; what tells its trials apart stands after `status`."""
SEED_COLUMNS = {
    "configuration": "str",
    "mean": "float64",
    "std": "float64",
    "n": "Int64",
    "probability_best": "float64",
}
"""Columns besides where seeds are raced: the first trial of the same knobs, what all came to."""
