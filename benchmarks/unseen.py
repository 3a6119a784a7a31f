"""More test images for a small study: `python -m benchmarks.unseen IN.npz OUT.npz 2000 1000`.

Of a study on `data.limit=2000 data.validation=1000` of the training images of IN.npz, OUT.npz holds
as its test split 10,000 of those that no trial has seen. In place of IN.npz it lets
`tuner.evaluate` distinguish the trials of the study better than a small validation split can.
"""

import sys

import numpy as np
import torch

from trainables.data_pipeline.batches import split_validation
from trainables.data_pipeline.images import Images

N_TEST_IMAGES = 10_000


def main(source: str, target: str, limit: str, validation: str) -> None:
    """Write the archive."""
    arrays = dict(np.load(source))
    number = len(arrays["y_train"])
    # in place of pixels, the number of the image in four bytes
    rows = torch.arange(number, dtype=torch.int32)
    numbered = Images(
        x=rows.view(torch.uint8).view(number, 4, 1, 1),
        y=torch.from_numpy(arrays["y_train"]).long(),
    )
    seen = torch.zeros(number, dtype=torch.bool)
    for part in split_validation(numbered, limit=int(limit), validation=int(validation)):
        assert isinstance(part.x, torch.Tensor)
        seen[part.x.flatten(1).contiguous().view(torch.int32).flatten().long()] = True
    assert int(seen.sum()) == int(limit) + int(validation)
    chosen = np.flatnonzero(~seen.numpy())[:N_TEST_IMAGES]
    test = {"x_test": arrays["x_train"][chosen], "y_test": arrays["y_train"][chosen]}
    np.savez(target, **(arrays | test))


if __name__ == "__main__":
    main(*sys.argv[1:])
