"""Photographs in one folder per class: ImageNet (Russakovsky et al., arXiv:1409.0575)."""

from pathlib import Path

import torch

from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.data_pipeline.photos import Photos
from trainables.hparams.ranges import Count, PathText

RECIPE = "imagenet"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""As in Fast-AT's ImageNet code (arXiv:2001.03994)."""
SUFFIXES = (".jpeg", ".jpg", ".png")


def load(*, root: PathText = "data/imagenet", size: Count = 224, workers: Count = 8) -> Dataset:
    """Return the photographs, which are read when they are used.

    Args:
        root: Folder with `train` and `val`, each with one folder per class.
        size: Height and width of the images, in pixels: the shorter side is resized to 8/7 of it,
            then the centre is cropped.
        workers: Number of decoding threads.

    Raises:
        DataError: If the folders are missing or disagree.
    """
    classes = list_classes(Path(root) / "train")
    if list_classes(Path(root) / "val") != classes:
        raise DataError(f"{root}: train and val must hold folders of the same names.")
    train, test = (
        load_split(Path(root) / name, classes, size, workers) for name in ("train", "val")
    )
    return Dataset(train=train, test=test, classes=len(classes), mean=MEAN, std=STD)


def list_classes(path: Path) -> list[str]:
    """Return the classes of a split, sorted.

    Raises:
        DataError: If there are fewer than two.
    """
    names = (
        sorted(entry.name for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else []
    )
    if len(names) < 2:
        raise DataError(
            f"{path} must hold a folder of photographs for each of at least two classes; put them "
            "there, or name the folder above with data.root=FOLDER."
        )
    return names


def load_split(path: Path, classes: list[str], size: int, workers: int) -> Images:
    """Return one split, in the order of its classes and file names.

    Raises:
        DataError: If a class has no photograph.
    """
    files, labels = [], []
    for label, name in enumerate(classes):
        photos = sorted(f for f in (path / name).iterdir() if f.suffix.lower() in SUFFIXES)
        if not photos:
            raise DataError(f"{path / name} holds no photograph ({', '.join(SUFFIXES)}).")
        files += photos
        labels += [label] * len(photos)
    return Images(x=Photos(files=tuple(files), size=size, workers=workers), y=torch.tensor(labels))
