"""The images of a trial: training, validation, and further training images."""

from typing import NamedTuple

from trainables.bound_components import BoundData
from trainables.data_pipeline.dataset_cache import load_dataset
from trainables.data_pipeline.extra_images import drop_copies
from trainables.data_pipeline.images import Dataset, Images


class TrialImages(NamedTuple):
    """The images of a trial.

    Attributes:
        dataset: The data set.
        train: Training images.
        validation: Validation images.
        extra: Further training images; `None`: there are none.
    """

    dataset: Dataset
    train: Images
    validation: Images
    extra: Images | None


def load_images(data: BoundData, device: str, study: str | None = None) -> TrialImages:
    """Return the images of a trial on a device.

    Args:
        data: The data set with its knobs set.
        device: The device.
        study: Name of the study whose processes share one copy on this node; `None`: no sharing.

    Raises:
        DataError: If the images cannot be read.
    """
    dataset = load_dataset(data.load, data.read_extra, device, study)
    train, validation = data.split_validation(dataset.train)
    return TrialImages(
        dataset, train, validation, drop_copies(dataset.extra, validation, dataset.test)
    )
