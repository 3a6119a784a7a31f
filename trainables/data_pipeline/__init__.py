"""Images on their way to the network: splits, batches, augmentation and caches."""
