"""YAML from untrusted sources: plain values and limited aliases."""

import pytest
import yaml

from trainables.io import safe_yaml
from tuner.storage import search_yaml

NINES = "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"a: &a [x,x,x,x,x,x,x,x,x]\n{NINES}", "expands to more than 1000000 values"),
        (MERGED, "merges other mappings"),
        ("a: &a [*a, *a]", "is nested more than 50 deep"),
        ("[" * 3000 + "]" * 3000, "RecursionError"),
        ("a: 2024-01-01", "neither text nor number"),
        ("a: 2024-99-99", "ValueError"),
        (f"a: {'9' * 5000}", "ValueError"),
        ("a: !!set {b}", "neither text nor number"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ],
)
def test_unsafe_yaml_is_refused(text, message, tmp_path):
    (tmp_path / "some.yaml").write_text(text)
    with pytest.raises(yaml.YAMLError, match=message):
        safe_yaml.read_yaml(tmp_path / "some.yaml")


def test_plain_values_and_a_few_aliases_are_read(tmp_path):
    both = ["x", 1, 0.5, True, None, {"y": []}]
    (tmp_path / "some.yaml").write_text(yaml.safe_dump({"a": both, "b": both}))
    assert "*id001" in (tmp_path / "some.yaml").read_text()
    assert safe_yaml.read_yaml(tmp_path / "some.yaml") == {"a": both, "b": both}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: [1]", "study must be"),
        ("study: {epochs: null}", "study.epochs must be"),
        ("study: {constraint: clean}", "study.constraint must be 'clean>=FRACTION'"),
        ("levels: x", "levels must be"),
        ("levels: [{epochs: x}]", r"levels.0.epochs must be"),
        ("searched: {optimizer.lr: [1]}", "searched.optimizer.lr must be"),
        ("fixed: {threat: 3}", "fixed.threat must be"),
        ("variants: {a: 3}", "variants.a must be"),
        ("versions: 3", "versions must be"),
    ],
)
def test_an_invalid_search_yaml_is_refused(text, message, tmp_path):
    (tmp_path / "search.yaml").write_text(text)
    with pytest.raises(yaml.YAMLError, match=message):
        search_yaml.read_search_yaml(tmp_path / "search.yaml")
    (tmp_path / "search.yaml").write_text("study: {trials: 3}\nof another version: 7\n")
    assert search_yaml.read_search_yaml(tmp_path / "search.yaml")["study"] == {"trials": 3}
