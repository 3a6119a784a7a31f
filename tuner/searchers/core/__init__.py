"""Parts that all searchers share: the Optuna study, its storage and its distributions."""
