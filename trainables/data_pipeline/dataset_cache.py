"""The data set of the trials of a process: read once, and held on one device."""

from collections.abc import Callable
from functools import lru_cache, partial

from trainables.data_pipeline.images import Dataset
from trainables.data_pipeline.node_cache import read_once


def load_dataset(load: partial[Dataset], device: str, study: str | None = None) -> Dataset:
    """Return the data set on a device; cached in the process and, with `study`, on the node.

    Args:
        load: Reads the data set.
        device: The device.
        study: Name of the study whose processes share one copy on this node; `None`: no sharing.
    """
    return _load_dataset(load.func, tuple(sorted(load.keywords.items())), device, study)


@lru_cache(maxsize=1)
def _load_dataset(
    load: Callable[..., Dataset],
    settings: tuple[tuple[str, object], ...],
    device: str,
    study: str | None,
) -> Dataset:
    def read() -> Dataset:
        data = load(**dict(settings))
        if not isinstance(data, Dataset):
            raise TypeError(f"must return a trainables.data_pipeline.images.Dataset, got {data!r}")
        return data

    # two custom files may have one name
    source = getattr(load, "__globals__", {}).get("__file__", load.__module__)
    data = read_once(read, study, f"{source} {settings}") if study else read()
    return Dataset(
        train=data.train.to(device),
        test=data.test,
        classes=data.classes,
        mean=data.mean,
        std=data.std,
    )
