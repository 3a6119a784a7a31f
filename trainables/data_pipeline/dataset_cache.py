"""The data set of the trials of a process: read once, and held on one device."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial

from trainables.data_pipeline.images import Dataset, Images
from trainables.data_pipeline.node_cache import read_once


def load_dataset(
    load: partial[Dataset],
    read_extra: partial[Images | None],
    device: str,
    study: str | None = None,
) -> Dataset:
    """Return the data set on a device; cached in the process and, with `study`, on the node.

    Args:
        load: Reads the data set.
        read_extra: Reads its further training images.
        device: The device.
        study: Name of the study whose processes share one copy on this node; `None`: no sharing.
    """
    settings, extra = (tuple(sorted(part.keywords.items())) for part in (load, read_extra))
    return _load_dataset(load.func, settings, read_extra.func, extra, device, study)


@lru_cache(maxsize=1)
def _load_dataset(
    load: Callable[..., Dataset],
    settings: tuple[tuple[str, object], ...],
    read_extra: Callable[..., Images | None],
    extra_settings: tuple[tuple[str, object], ...],
    device: str,
    study: str | None,
) -> Dataset:
    def read() -> Dataset:
        data = load(**dict(settings))
        if not isinstance(data, Dataset):
            raise TypeError(f"must return a trainables.data_pipeline.images.Dataset, got {data!r}")
        return replace(data, extra=read_extra(data, **dict(extra_settings)))

    # two custom files may have one name
    source = getattr(load, "__globals__", {}).get("__file__", load.__module__)
    key = f"{source} {settings} {extra_settings}"
    data = read_once(read, study, key) if study else read()
    extra = data.extra.to(device) if data.extra else None
    return replace(data, train=data.train.to(device), extra=extra)
