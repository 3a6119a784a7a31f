"""The learning rate of another batch size, by linear scaling (Goyal et al., arXiv:1706.02677)."""

from trainables.hparams.ranges import Count


def scale_lr(lr: float, batch_size: int, *, lr_batch_size: Count | None = None) -> float:
    """Return the peak learning rate for batches of `batch_size`.

    Args:
        lr: Peak learning rate.
        batch_size: Images per batch.
        lr_batch_size: Batch size that `lr` is meant for; for others, it is scaled linearly (128 in
            Table 3 of Bag of Tricks, arXiv:2010.00467). `None`: no scaling.
    """
    return lr * batch_size / lr_batch_size if lr_batch_size else lr
