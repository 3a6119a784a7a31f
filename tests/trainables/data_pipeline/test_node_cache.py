"""Data is read once a node, and is what it would have been."""

import os
from dataclasses import replace

import pytest
import torch

from tests.tuner.test_search import SMALL, search
from trainables.data import mnist5k
from trainables.data_pipeline import node_cache
from trainables.data_pipeline.images import Images
from trainables.data_pipeline.photos import Photos

MINE = """
import os
from trainables.data import mnist5k

RECIPE = "mnist5k"


def load():
    with open({log!r}, "a") as log:
        log.write(f"{{os.getpid()}}\\n")
    return mnist5k.load()
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setattr(node_cache.tempfile, "gettempdir", lambda: str(tmp_path))
    return "study"


def test_the_second_to_ask_maps_what_the_first_has_read(study):
    data, reads = mnist5k.load(), []
    for what in ("one", "one", "other"):
        cached = node_cache.read_once(lambda: reads.append(0) or data, study, what)
        for split in ("train", "test"):
            was, now = getattr(data, split), getattr(cached, split)
            assert torch.equal(was.x, now.x)
            assert torch.equal(was.y, now.y)
        assert (cached.image_format, cached.classes) == (data.image_format, data.classes)
    assert len(reads) == 2
    node_cache.clear_cache(study)
    assert not node_cache.cache_folder(study).exists()


def test_notes_labels_and_further_images_are_kept(study):
    data = mnist5k.load()
    more = replace(data, extra=data.test[:3], notes=("a note",), label_values=("ant", "bee"))
    for _ in range(2):
        cached = node_cache.read_once(lambda: more, study, "extra")
        assert torch.equal(cached.extra.x, data.test.x[:3])
        assert (cached.notes, cached.label_values) == (more.notes, more.label_values)


def test_photographs_and_what_does_not_fit_are_read_by_each(study, monkeypatch):
    photos = Photos(files=(), size=8, workers=1)
    data = mnist5k.load()
    streamed = replace(data, train=Images(x=photos, y=data.train.y[:0]))
    for _ in range(2):
        assert node_cache.read_once(lambda: streamed, study, "photos") is streamed

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert node_cache.read_once(lambda: data, study, "images") is data


@pytest.mark.slow
def test_three_trials_in_two_processes_read_the_data_once(tmp_path, machine):
    log = tmp_path / "log"
    (tmp_path / "mine.py").write_text(MINE.format(log=str(log)))
    words = ["space=weight_decay", *SMALL[:-1], "epochs=1", "trials=3", "scheduler=none"]
    words += ["concurrency=2"]
    done = search(tmp_path, *words, f"data={tmp_path}/mine.py")
    assert done.returncode == 0, done.stderr
    readers = log.read_text().split()
    assert len([pid for pid in readers if int(pid) != os.getpid()]) == 1
