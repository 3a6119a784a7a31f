"""What a checkpoint is like besides its accuracy: one file a measure, each with a `measure`."""
