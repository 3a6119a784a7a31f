"""Photographs too large for memory: threads read and decode them one batch ahead."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

RESIZE_RATIO = 256 / 224
"""Shorter side of the resized image, as a multiple of the side of the centre crop."""


class PhotoError(Exception):
    """A file that cannot be decoded."""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Image files, used like a uint8 tensor of pixels (N, 3, size, size).

    Attributes:
        files: One file per image.
        size: Height and width of the centre crop, in pixels.
        workers: Number of decoding threads.
        device: Device of the pixels.
    """

    files: tuple[Path, ...]
    size: int
    workers: int
    device: str = "cpu"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of the decoded pixels."""
        return len(self.files), 3, self.size, self.size

    def __getitem__(self, rows: Tensor | slice) -> "Photos":
        chosen = self.files[rows] if isinstance(rows, slice) else [self.files[i] for i in rows]
        return replace(self, files=tuple(chosen))

    def to(self, device: str) -> "Photos":
        """Return the photographs, whose pixels are put on `device` when decoded."""
        return replace(self, device=device)

    def float(self) -> Tensor:
        """Return the pixels (N, 3, size, size), in [0, 255].

        Raises:
            PhotoError: If a file cannot be decoded.
        """
        with ThreadPoolExecutor(self.workers) as pool:
            return self.stack(self.submit_decoding(pool))

    def stream(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the pixels of each list of row indices; the next batch is decoded meanwhile.

        Raises:
            PhotoError: If a file cannot be decoded.
        """
        with ThreadPoolExecutor(self.workers) as pool:
            ahead = self[parts[0]].submit_decoding(pool)
            for part in [*parts[1:], None]:
                ready = ahead
                ahead = [] if part is None else self[part].submit_decoding(pool)
                yield self.stack(ready)

    def submit_decoding(self, pool: ThreadPoolExecutor) -> list[Future[Tensor]]:
        """Start decoding all files; return a future of the pixels of each."""
        return [pool.submit(decode, file, self.size) for file in self.files]

    def stack(self, images: Sequence[Future[Tensor]]) -> Tensor:
        """Wait for decoded images and return them as one batch (N, 3, size, size)."""
        return torch.stack([image.result() for image in images]).to(self.device).float()


def decode(file: Path, size: int) -> Tensor:
    """Return the centre crop (3, size, size) of a resized photograph, uint8.

    Raises:
        PhotoError: If the file cannot be decoded.
    """
    # slow to import and rarely needed
    from torchvision.transforms.v2 import functional as shapes  # noqa: PLC0415

    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except OSError as error:
        raise PhotoError(f"{file} cannot be decoded ({error}).") from error
    small = shapes.resize(image, [round(size * RESIZE_RATIO)])
    centre: Tensor = shapes.pil_to_tensor(shapes.center_crop(small, [size, size]))
    return centre
