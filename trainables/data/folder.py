"""Custom images: a folder with one folder of image files per class, of any size."""

from pathlib import Path

import torch
from torch import Tensor

from trainables.data_pipeline.decoded_images import match_channels, read_files
from trainables.data_pipeline.images import DataError, Dataset
from trainables.data_pipeline.test_split import build_dataset
from trainables.hparams.ranges import Count, OpenFraction, PathText

RECIPE = "cifar10"
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")


def load(*, root: PathText, size: Count | None = None, test_share: OpenFraction = 0.2) -> Dataset:
    """Return the images, which are held in memory; for larger sets, see data=imagenet.

    Decoded images are cached in ~/.cache/attuner (or XDG_CACHE_HOME).

    Args:
        root: Folder with `train` and `test` (or `val`), which have one folder of images per class;
            or the folder that has the classes itself.
        size: Height and width of the images, in pixels; each is cropped at its centre to a square
            and resized. `None`: all images have one size already.
        test_share: Share of the images, stratified by class, that become the test split if there
            is no folder for it.

    Raises:
        DataError: If there are no images, a class is empty, or sizes differ without `size`.
    """
    train_folder, test_folder = find_splits(Path(root))
    classes = list_classes(train_folder)
    notes = [f"training images in {train_folder.name}"] if train_folder != Path(root) else []
    train, train_labels = read_split(train_folder, classes, size)
    test = None
    if test_folder:
        if unknown := sorted({*list_classes(test_folder)} - {*classes}):
            raise DataError(f"{test_folder} has class {unknown[0]}, which {train_folder} lacks.")
        test_images, test_labels = read_split(test_folder, list_classes(test_folder), size)
        positions = torch.tensor([classes.index(name) for name in list_classes(test_folder)])
        train, test_images = match_channels(train, test_images)
        test = test_images, positions[test_labels]
        notes = [f"training images in {train_folder.name}, test images in {test_folder.name}"]
    return build_dataset(
        (train, train_labels),
        test,
        source=root,
        label_values=classes,
        test_share=test_share,
        notes=[*notes, f"classes are {', '.join(classes[:5])}{', ...' if classes[5:] else ''}"],
    )


def find_splits(root: Path) -> tuple[Path, Path | None]:
    """Return the folders of training and test images; no test folder: it is cut off.

    A folder `train` of images, beside folders that are no splits, is a class of trains.
    """
    train = next((root / name for name in TRAIN_FOLDERS if (root / name).is_dir()), root)
    others = {each.name for each in list_folders(root)} - {*TRAIN_FOLDERS, *TEST_FOLDERS}
    if train == root or (others and not list_folders(train)):
        return root, None
    return train, next((root / name for name in TEST_FOLDERS if (root / name).is_dir()), None)


def list_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without hidden ones; an absent folder has none."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return [each for each in entries if each.is_dir() and not each.name.startswith((".", "__"))]


def list_classes(folder: Path) -> list[str]:
    """Return the names of the class folders, sorted.

    Raises:
        DataError: If there are none.
    """
    names = sorted(each.name for each in list_folders(folder))
    if not names:
        raise DataError(
            f"{folder} must be a folder with one folder of images per class; write "
            "data.root=FOLDER."
        )
    return names


def read_split(folder: Path, classes: list[str], size: int | None) -> tuple[Tensor, Tensor]:
    """Return pixels and labels, in the order of classes and file names.

    Raises:
        DataError: If a class has no image.
    """
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(f for f in (folder / name).iterdir() if f.suffix.lower() in SUFFIXES)
        if not found:
            raise DataError(
                f"{folder / name} holds no image ({', '.join(SUFFIXES)}); remove the folder, or "
                "add images of its class."
            )
        files += found
        labels += [label] * len(found)
    return read_files(files, size, str(folder)), torch.tensor(labels)
