"""What knobs were drawn from."""

import pytest

from analysis.knob_domains import KnobDomain, find_domain, infer_domain, parse_domain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uniform(0, 0.75)", KnobDomain(low=0, high=0.75)),
        ("loguniform(1e-05, 0.01)", KnobDomain(low=1e-5, high=0.01, is_log=True)),
        ("qrandint(2, 8, 2)", KnobDomain(low=2, high=8)),
        ("lograndint(1, 100)", KnobDomain(low=1, high=100, is_log=True)),
        ("grid(sgd, null, 3)", KnobDomain(values=("sgd", None, 3))),
        ("choice(0.1, 1e-3)", KnobDomain(values=(1e-3, 0.1))),
        ("choice([0.5, 0.75], [0.5])", KnobDomain(values=([0.5, 0.75], [0.5]))),
        ("something", None),
        ("choice([)", None),
        ("uniform()", None),
        ("uniform(a, b)", None),
        ("uniform(1)", None),
    ],
)
def test_search_space_expressions_of_ray(text, expected):
    assert parse_domain(text) == expected


def test_positions_by_hand():
    assert KnobDomain(low=1e-4, high=1e-2, is_log=True).positions([
        1e-4,
        1e-3,
        1e-2,
    ]) == pytest.approx([
        0,
        0.5,
        1,
    ])
    assert KnobDomain(low=2, high=4).positions([2, 3]).tolist() == [0, 0.5]
    assert KnobDomain(values=(25, 50, 200)).positions([200, 25]).tolist() == [2, 0]
    assert KnobDomain(values=(25, 50, 200)).encode([200, 50]).tolist() == [[1], [0.5]]
    assert KnobDomain(values=("a", "b")).encode(["b", "a"]).tolist() == [[0, 1], [1, 0]]


def test_the_declared_domain_is_used_if_it_contains_all_values():
    said = {"searched": {"x": "uniform(0, 1)"}}
    assert find_domain("x", [0.2, 0.3, 0.4, 0.5, 0.6, 0.7], said) == KnobDomain(low=0, high=1)
    wider = find_domain("x", [1, 2, 3, 4, 5, 6], said)
    assert (wider.low, wider.high) == (1, 6)


def test_variants_with_different_ranges_use_the_range_of_values():
    ranges = ("loguniform(1e-3, 1)", "loguniform(1e-5, 1e-2)")
    variants = {name: {"searched": {"lr": text}} for name, text in zip("ab", ranges, strict=True)}
    values = [1e-4, 2e-4, 1e-3, 1e-2, 0.1, 0.5]
    assert find_domain("lr", values, {"variants": variants}) == infer_domain(values)
    variants["b"] = variants["a"]
    assert find_domain("lr", values[2:], {"variants": variants}).high == 1
