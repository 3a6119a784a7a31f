"""Keys and help of commands, without PyTorch and Ray: see `tuner.attuner`."""
