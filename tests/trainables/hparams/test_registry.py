"""Members are files of a package, custom files and plugins."""

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from trainables.hparams import registry


def test_names_are_files_without_a_leading_underscore():
    assert "mnist5k" in registry.list_members("trainables.data")
    assert not any(name.startswith("_") for name in registry.list_members("trainables.data"))
    assert "recipes" not in registry.list_members("search_spaces")


def test_an_unknown_name_lists_the_members():
    with pytest.raises(LookupError, match=r"Did you mean 'pgd'\? There are: .*pgd"):
        registry.load_member("trainables.attacks", "pdg")


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "no file"), ("def space(:", "SyntaxError"), ("import nothing_of_the_kind", "Module")],
)
def test_a_custom_file_that_cannot_be_imported_is_reported(tmp_path, text, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LookupError, match=message):
        registry.load_member("search_spaces", str(path))


def test_a_custom_file_is_loaded(tmp_path):
    (tmp_path / "mine.py").write_text("answer = 42")
    assert registry.load_member("search_spaces", str(tmp_path / "mine.py")).answer == 42


def test_an_installed_package_adds_members(monkeypatch):
    entry = EntryPoint("mine", "trainables.methods.trades", "attuner.trainables.methods")
    monkeypatch.setattr(registry, "installed_plugins", lambda: (entry,))
    registry.find_plugins.cache_clear()
    try:
        assert "mine" in registry.list_members("trainables.methods")
        assert "mine" not in registry.list_members("trainables.attacks")
        assert registry.load_member("trainables.methods", "mine").outer
    finally:
        registry.find_plugins.cache_clear()


@pytest.mark.parametrize(("name", "former"), list(registry.FORMER_NAMES.items()))
def test_hooks_are_found_under_their_former_names_too(name, former):
    assert registry.find_hook(SimpleNamespace(**{name: 1}), name) == 1
    assert registry.find_hook(SimpleNamespace(**{former: 2}), name) == 2
    assert registry.find_hook(SimpleNamespace(), name) is None
