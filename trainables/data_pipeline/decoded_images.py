"""Encoded images of any size, decoded into one tensor of pixels and cached on disk."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from trainables.data_pipeline.images import DataError

GREY_MODES = ("1", "L")
"""Modes of Pillow that have one channel of 8 bits or less."""
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N")
"""Modes of Pillow that have one channel of 16 bits."""
CACHE_FORMAT = 2
"""Raised when files are decoded to other pixels than before, so that no old ones are read."""
READ_THREADS = 8


def stack_images(images: Iterable[Image.Image], size: int | None, source: str) -> Tensor:
    """Return pixels (N, C, H, W), uint8, with one channel if all images are grey.

    Args:
        images: Decoded images.
        size: Height and width, to which each image is cropped at its centre and resized. `None`:
            the images are of one size already.
        source: Where they come from, for messages.

    Raises:
        DataError: If they are of several sizes and `size` is `None`, or not of 8 or 16 bits.
    """
    arrays: list[np.ndarray] = []
    sizes: Counter[tuple[int, int]] = Counter()
    for image in images:
        plain = to_bytes(image, source)
        sizes[plain.size] += 1
        arrays.append(np.asarray(ImageOps.fit(plain, (size, size)) if size else plain))
    if size is None and len(sizes) > 1:
        shown = [f"{w}x{h} ({n} images)" for (w, h), n in sizes.most_common(3)]
        more = f" and {len(sizes) - 3} more" if len(sizes) > 3 else ""
        side = min(sizes.most_common(1)[0][0])
        raise DataError(
            f"{source}: images must be of one size, got {', '.join(shown)}{more}; write "
            f"data.size={side} to crop and resize them."
        )
    grey = all(array.ndim == 2 for array in arrays)
    full = [a if grey or a.ndim == 3 else np.repeat(a[..., None], 3, axis=2) for a in arrays]
    pixels = torch.from_numpy(np.stack(full))
    return pixels[:, None] if grey else pixels.permute(0, 3, 1, 2).contiguous()


def to_bytes(image: Image.Image, source: str) -> Image.Image:
    """Return an image with one or three channels of 8 bits.

    Raises:
        DataError: If its grey levels have no known range.
    """
    if image.mode in DEEP_MODES:  # Pillow would clip them at 255
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if image.mode.startswith(("I", "F")):
        raise DataError(
            f"{source}: images must have 8 or 16 bits per channel, got one of 32 bits (mode "
            f"{image.mode}), whose range is unknown; write the images as PNG of 8 bits."
        )
    return image.convert("L" if image.mode in GREY_MODES else "RGB")


def match_channels(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return two sets of images (N, C, H, W) with equally many channels: 3 if one has 3."""
    channels = max(one.shape[1], other.shape[1])
    first, second = (part.expand(-1, channels, -1, -1).contiguous() for part in (one, other))
    return first, second


def read_files(files: Sequence[Path], size: int | None, source: str) -> Tensor:
    """Return the pixels (N, C, H, W) of image files, from the cache if they have not changed.

    Raises:
        DataError: If a file cannot be decoded, or sizes differ and `size` is `None`.
    """

    def read() -> Tensor:
        with ThreadPoolExecutor(READ_THREADS) as pool:
            return stack_images(pool.map(open_image, files), size, source)

    states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return read_cached(f"{CACHE_FORMAT} {size} {states}", read)


def open_image(file: Path) -> Image.Image:
    """Return the image in a file.

    Raises:
        DataError: If it cannot be decoded.
    """
    try:
        with Image.open(file) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be decoded ({error}); remove or replace it.") from None


def read_cached(key: str, read: Callable[[], Tensor]) -> Tensor:
    """Return what `read` returns, read once for each key; a cache that fails is passed over.

    Args:
        key: Everything that the result depends on.
        read: Returns the pixels.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "attuner"
    file = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.pt"
    try:
        cached: Tensor = torch.load(file, weights_only=True)
    except Exception:  # missing, corrupt or of an older torch
        pixels = read()
    else:
        return cached
    new = file.with_suffix(f".{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(pixels, new)
        new.replace(file)
    except (OSError, RuntimeError):
        new.unlink(missing_ok=True)
    return pixels
