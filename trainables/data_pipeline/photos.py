"""Photographs that stay on disk: too many for memory, decoded by threads a batch ahead."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

RESIZE_RATIO = 256 / 224
"""The shorter side, as a multiple of the square that is cut from the centre; as usual."""


class PhotoError(Exception):
    """A file that cannot be decoded, and which."""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Images in files, which behave as pixels (N, 3, size, size), uint8, where those are used.

    Attributes:
        files: One an image.
        size: Height and width, in pixels, of the square cut from the centre.
        workers: Threads that decode.
        device: Where pixels go.
    """

    files: tuple[Path, ...]
    size: int
    workers: int
    device: str = "cpu"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """What the pixels would have."""
        return len(self.files), 3, self.size, self.size

    def __getitem__(self, rows: Tensor | slice) -> "Photos":
        chosen = self.files[rows] if isinstance(rows, slice) else [self.files[i] for i in rows]
        return replace(self, files=tuple(chosen))

    def to(self, device: str) -> "Photos":
        """Return the photographs, to be put on `device` once decoded."""
        return replace(self, device=device)

    def float(self) -> Tensor:
        """Return the pixels (N, 3, size, size), in [0, 255].

        Raises:
            PhotoError: If a file cannot be decoded.
        """
        with ThreadPoolExecutor(self.workers) as pool:
            return self.stack(self.submit_decoding(pool))

    def stream(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the pixels of one list of rows after another, each decoded while the last is used.

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
        """Return the pixels of each file, as they will be."""
        return [pool.submit(decode, file, self.size) for file in self.files]

    def stack(self, images: Sequence[Future[Tensor]]) -> Tensor:
        """Return images (N, 3, size, size), once they are decoded."""
        return torch.stack([image.result() for image in images]).to(self.device).float()


def decode(file: Path, size: int) -> Tensor:
    """Return the centre (3, size, size) of a photograph whose shorter side is resized, uint8.

    Raises:
        PhotoError: If the file cannot be decoded.
    """
    # seconds to import, and seldom needed
    from torchvision.transforms.v2 import functional as shapes  # noqa: PLC0415

    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except OSError as error:
        raise PhotoError(f"{file} cannot be decoded ({error}).") from error
    small = shapes.resize(image, [round(size * RESIZE_RATIO)])
    centre: Tensor = shapes.pil_to_tensor(shapes.center_crop(small, [size, size]))
    return centre
