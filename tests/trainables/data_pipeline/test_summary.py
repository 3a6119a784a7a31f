"""What a search prints of its images."""

from dataclasses import replace

import torch

from trainables.data_pipeline.images import Dataset, Images
from trainables.data_pipeline.summary import describe_attacked, describe_dataset


def images(*counts):
    y = torch.cat([torch.full((count,), k) for k, count in enumerate(counts)])
    return Images(x=torch.zeros(len(y), 3, 6, 5, dtype=torch.uint8), y=y)


def test_one_line_has_shape_classes_and_splits_and_others_the_notes():
    data = Dataset(train=images(40, 4), test=images(5, 5), classes=2, mean=(0.5,), std=(0.5,))
    data = replace(data, notes=("labels 1, 2 are numbered from 0 to 1",))
    lines = describe_dataset("mine.py", data, images(1000, 20), images(4, 4), "; 9 further images")
    assert list(lines) == [
        "data mine.py: images 3x6x5 in 2 classes; 1,020 for training (rarest class 20, commonest "
        "1,000), 8 for validation, 10 for tests; 9 further images.",
        "data mine.py: labels 1, 2 are numbered from 0 to 1.",
    ]


def test_equal_classes_have_one_number_and_an_absent_class_has_0():
    data = Dataset(train=images(4, 4), test=images(1), classes=2, mean=(0.5,), std=(0.5,))
    (line,) = describe_dataset("a", data, images(4, 4), images(1, 1))
    assert "8 for training (4 per class)" in line
    (line,) = describe_dataset("a", data, images(4), images(1, 1))
    assert "rarest class 0, commonest 4" in line


def test_an_evaluation_names_the_split_and_its_images():
    data = Dataset(train=images(4, 4), test=images(30, 9), classes=2, mean=(0.5,), std=(0.5,))
    data = replace(data, notes=("rows are shuffled",))
    assert list(describe_attacked("a.npz", data, images(3, 1), "test")) == [
        "data a.npz: 4 test images 3x6x5 in 2 classes (rarest class 1, commonest 3).",
        "data a.npz: rows are shuffled.",
    ]


def test_more_images_for_validation_than_for_training_are_noticed():
    data = Dataset(train=images(4, 4), test=images(1), classes=2, mean=(0.5,), std=(0.5,))
    _, caution = describe_dataset("a", data, images(20, 20), images(30, 30))
    assert caution.startswith("caution: more images are held out")
    assert "data.validation=20, say" in caution
