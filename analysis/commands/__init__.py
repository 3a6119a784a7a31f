"""Keys and help of the commands of `analysis`, without pandas: see `tuner.attuner`."""
