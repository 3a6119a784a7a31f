"""Names of the files in a results folder, and the columns of `trials.parquet` with their types."""

EVENT_LOG_FILE = "journal.jsonl"
CHECKPOINT_PATTERN = "checkpoint_*"
"""Checkpoint folders of a trial, as Ray names them."""
OPTUNA_FILE = "optuna.log"
SEARCH_FILE = "search.yaml"
RESULTS_FOLDER = "results"
"""Default parent of results folders and of copies of remote ones, in the working directory."""
TRIALS_FOLDER = "trials"
"""Ray's files, inside the results folder."""

TRIALS_FILE, EPOCHS_FILE, EVALUATION_FILE = "trials.parquet", "epochs.parquet", "evaluation.parquet"
RANKING_FILE = "ranking.json"

TRIAL_COLUMNS = {
    "trial_id": "str",
    "status": "str",
    "best_epoch": "Int64",
    "level": "Int64",
    "val_clean_accuracy": "float64",
    "val_robust_accuracy": "float64",
    "val_balanced_clean_accuracy": "float64",
    "val_balanced_robust_accuracy": "float64",
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
"""Columns of every study; the knobs in which its trials differ follow `status`."""
BALANCED_COLUMNS = ("val_balanced_clean_accuracy", "val_balanced_robust_accuracy")
"""Columns of trials and epochs that older studies and external logs do not have."""
RAW_COLUMNS = ("val_clean_accuracy_raw", "val_robust_accuracy_raw")
"""Columns of epochs with the trained network where an average of it is validated too."""
SEED_COLUMNS = {
    "configuration": "str",
    "mean": "float64",
    "std": "float64",
    "n": "Int64",
    "probability_best": "float64",
}
"""Further columns with seeds > 1: the first trial of the same knobs, and statistics over seeds."""
