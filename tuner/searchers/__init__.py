"""What proposes configurations: one file each, with a `build` that returns an Optuna sampler."""
