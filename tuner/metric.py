"""What a study maximises, and how trials are told apart by it."""

METRIC, MODE = "val_robust_accuracy", "max"
