"""Our cells beside the papers': every number here is worked out by hand."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import yaml

from analysis.frames import Frames, Study
from analysis.loading import load_description
from analysis.tables.comparison import compare_with_papers
from analysis.tables.published import build_published_table, list_tables, load_published
from analysis.tables.text_table import TableLine, TextTable

PLAIN, SMOOTH = "ResNet-18, label_smoothing=0", "ResNet-18, label_smoothing=0.3"
NUMBERS = {
    PLAIN: {"clean_acc": "82.52", "pgd10_acc": "53.58", "aa_acc": "48.51"},
    SMOOTH: {"clean_acc": "82.51", "pgd10_acc": "54.34", "aa_acc": "49.24"},
}
AUTOATTACK = ("apgd_ce", "apgd_t", "fab_t", "square")
FIXED = {"threat": {"name": "linf", "eps": 8 / 255}, "data": {"name": "cifar10"}}


def study(name="one", space="bag_of_tricks_table4", numbers=NUMBERS, words=(), **more):
    variants = {
        label: {"searched": {}, "fixed": FIXED, "published": each}
        for label, each in numbers.items()
    }
    command = " ".join(["python -m tuner.search", f"space={space}", "seed=0", *words])
    said = {"space": space, "command": command, "variants": variants, "study": {"epochs": 110}}
    return Study(name=name, description=said | more, knobs=("variant",))


def trial(label, seed, robust, *, clean=0.8, status="completed", name="one", **more):
    return {
        "study": name, "trial_id": f"{label}/{seed}", "status": status, "variant": label,
        "val_clean_accuracy": clean, "val_robust_accuracy": robust, "epochs": 110,
        "seconds": 6600.0, "seed": seed, **more,
    }  # fmt: skip


def chain(label, seed, accuracy, *, name="one", clean=0.84, attacks=AUTOATTACK, **more):
    """Rows of a suite whose last attack leaves `accuracy`."""
    row = {
        "study": name, "trial_id": f"{label}/{seed}", "rule": "best_validation_robust",
        "norm": "linf", "eps": 8 / 255, "n": 10000, "clean_accuracy": clean,
    }  # fmt: skip
    return [
        row
        | {"attack": attack, "after": ",".join(attacks[:place]), "alone": place == 0}
        | {"robust_accuracy": accuracy + 0.01 * (len(attacks) - 1 - place)}
        | more
        for place, attack in enumerate(attacks)
    ]


def frames(trials, evaluation=(), studies=None):
    columns = ["study", "trial_id", "attack"]
    rows = pd.DataFrame(evaluation) if evaluation else pd.DataFrame(columns=columns)
    return Frames(
        studies={each.name: each for each in studies or [study()]},
        trials=pd.DataFrame(trials),
        epochs=pd.DataFrame(columns=["study", "trial_id", "epoch"]),
        evaluation=rows,
    )


SEEDS = [
    *(trial(PLAIN, seed, robust) for seed, robust in enumerate([0.50, 0.51, 0.52])),
    *(trial(SMOOTH, seed, robust) for seed, robust in enumerate([0.52, 0.54, 0.56])),
]


def values(comparison, label):
    """Return a line as a dictionary from heading to value."""
    (line,) = (line for line in comparison.table.lines if line.label == label)
    return dict(zip(comparison.table.headings[1:], line.values, strict=True))


def find_verdict(comparison, words):
    (found,) = (each for each in comparison.verdicts if words in each)
    return found


def test_every_published_number_is_reachable():
    assert (
        sum(len(load_published(each.paper, each.table)) for each in list_tables())
        == 665 + 21 * 8 + 99 * 3
    )
    frame = load_published("pas", "Table 1")
    assert len(frame) == 75
    assert frame.iloc[0][["metric", "value", "std"]].tolist() == ["clean_err", 1.56, 0.17]
    assert load_published("bag_of_tricks", "text:footnote4")["printed"].tolist()[-1] == "5e0"


def test_every_published_number_is_printed():
    for source in list_tables():
        cells = [value for line in build_published_table(source).lines for value in line.values]
        shown = re.split(r", | ± ", ", ".join(value for value in cells if value))
        frame = load_published(source.paper, source.table)
        assert sorted(shown) == sorted([*frame["printed"], *deviations(frame)]), source


def deviations(frame):
    return [f"{std:.2f}" for std in frame["std"].dropna()]


def test_published_differences_are_those_of_their_rows():
    frame = load_published("bag_of_tricks", "Table 7").assign(
        mode=lambda rows: rows["setting"].str.extract(r"bn_mode=(\w+)")
    )
    numbers = frame.set_index(["architecture", "metric", "mode"])["value"]
    for (network, metric, _), delta in numbers.filter(like="_delta").items():
        pair = [numbers[network, metric.removesuffix("_delta"), mode] for mode in ("eval", "train")]
        assert pair[0] - pair[1] == pytest.approx(delta, abs=0.005), network  # two decimals


def test_differences_by_hand():
    evaluation = [*chain(PLAIN, 0, 0.48, clean=0.82), *chain(PLAIN, 1, 0.50, clean=0.83)]
    (found,) = compare_with_papers(frames(SEEDS, evaluation))
    row = values(found, PLAIN)
    assert row["AutoAttack %: paper"] == "48.51"
    assert row["AutoAttack %: ours, test"] == "49.00 ± 1.41 (2)"  # 2 / sqrt(2)
    assert row["AutoAttack %: ours - paper"] == "+0.49"
    assert row["clean %: ours - paper"] == "-0.02"
    assert row["PGD %: ours, validation"] == "51.00 ± 1.00 (3)"
    assert values(found, SMOOTH)["AutoAttack %: ours - paper"] == ""
    assert "PGD-10 %: ours, test" not in row  # no such attack was made


def test_a_verdict_by_hand():
    # pair by pair 2, 3, 4 points: 3 ± 4.303 / sqrt(3); t = sqrt(27), and p = 1 - t / sqrt(t² + 2)
    (found,) = compare_with_papers(frames(SEEDS))
    said = find_verdict(
        found, "Label smoothing 0.3 beats none with ResNet-18 (Section 3.2; published Au"
    )
    assert said.endswith(
        "48.51): yes; +3.00 points [+0.52, +5.48], p = 0.035 of PGD accuracy on validation images, "
        "3 pairs of seeds."
    )


def test_test_numbers_of_two_seeds_decide():
    evaluation = [
        *(row for seed in (0, 1) for row in chain(PLAIN, seed, 0.50)),
        *(row for seed in (0, 1) for row in chain(SMOOTH, seed, 0.40 + 0.01 * seed)),
    ]
    # -10 and -9: -9.5 ± 12.706 * 0.5, all of it below the point that would matter
    (found,) = compare_with_papers(frames(SEEDS, evaluation))
    said = find_verdict(found, "0.3 beats none with ResNet-18 (Section 3.2; published AutoAttack")
    assert ": no; -9.50 points [-15.85, -3.15]" in said
    assert "of AutoAttack on test images, 2 pairs" in said


def test_one_test_number_a_side_does_not_decide():
    evaluation = [*chain(PLAIN, 0, 0.50), *chain(SMOOTH, 0, 0.40)]
    (found,) = compare_with_papers(frames(SEEDS, evaluation))
    said = find_verdict(found, "0.3 beats none with ResNet-18 (Section 3.2; published AutoAttack")
    assert "): yes; +3.00 points" in said
    assert "on validation images, 3 pairs" in said


def test_one_seed_is_not_enough():
    (found,) = compare_with_papers(frames([SEEDS[0], SEEDS[3]]))
    said = find_verdict(found, "0.3 beats none with ResNet-18 (Section 3.2; published PGD-10")
    assert said.endswith(
        "not enough seeds; +2.00 points of PGD accuracy on validation images, 1 and 1 seeds."
    )


def test_other_seeds_of_a_second_study_count_and_the_same_seed_once():
    second = [trial(PLAIN, seed, 0.53, name="two") for seed in (2, 3)]
    (found,) = compare_with_papers(frames([*SEEDS, *second], studies=[study(), study("two")]))
    assert values(found, PLAIN)["PGD %: ours, validation"] == "51.50 ± 1.29 (4)"  # 50 to 53
    assert (
        "Trials left out: 1 with a setting and a seed that are there already." in found.table.notes
    )


def test_studies_with_other_settings_are_other_tables():
    both = [study(), study("two", words=["epochs=2"])]
    found = compare_with_papers(frames([*SEEDS, trial(PLAIN, 3, 0.3, name="two")], studies=both))
    assert [each.studies for each in found] == [("one",), ("two",)]
    assert "Not run as published, so mind the differences: epochs=2." in found[1].table.notes


def test_stopped_trials_do_not_count_and_diverged_ones_do():
    trials = [
        trial(PLAIN, 0, 0.5),
        trial(PLAIN, 1, 0.4, status="stopped"),
        trial(PLAIN, 2, 0.0, status="diverged"),
        trial(PLAIN, 3, 0.1, status="stopped", collapsed_at=250),
    ]
    (found,) = compare_with_papers(frames(trials))
    # 50, 0 and 10: mean 20, deviations 30, -20, -10, so sqrt(1400 / 2)
    assert values(found, PLAIN)["PGD %: ours, validation"] == "20.00 ± 26.46 (3)"
    assert "Trials left out: 1 stopped." in found.table.notes


def test_other_data_are_not_compared():
    there = [study(words=["data=mnist5k", "epochs=2", "results=/x"])]
    (found,) = compare_with_papers(frames(SEEDS, chain(PLAIN, 0, 0.48), studies=there))
    assert "AutoAttack %: ours, test" in found.table.headings
    assert not [name for name in found.table.headings if "ours - paper" in name]
    notes = [note for note in found.table.notes if note.startswith("Not run as published")]
    assert notes == ["Not run as published, no differences are given: data=mnist5k epochs=2."]


def test_a_validation_number_is_never_under_a_published_heading():
    (found,) = compare_with_papers(frames(SEEDS))
    ours = [name for name in found.table.headings if "ours" in name]
    assert ours == ["clean %: ours, validation", "PGD %: ours, validation"]
    assert any("No test number of ours yet" in note for note in found.table.notes)


@pytest.mark.parametrize(
    "wrong", [{"rule": "oracle"}, {"rule": "last_epoch"}, {"eps": 4 / 255}, {"norm": "l2"}]
)
def test_other_checkpoints_and_threats_are_left_out(wrong):
    (found,) = compare_with_papers(frames(SEEDS, chain(PLAIN, 0, 0.48, **wrong)))
    assert "AutoAttack %: ours, test" not in found.table.headings


def test_part_of_autoattack_is_not_autoattack():
    rows = chain(PLAIN, 0, 0.48, attacks=AUTOATTACK[:3])
    assert (
        "AutoAttack %: ours, test" not in compare_with_papers(frames(SEEDS, rows))[0].table.headings
    )


def test_a_worst_case_over_more_attacks_is_reported():
    rows = chain(PLAIN, 0, 0.48, attacks=("fgsm", "pgd_10"))
    (found,) = compare_with_papers(frames(SEEDS, rows))
    assert values(found, PLAIN)["PGD-10 %: ours, test"] == "48.00 (1)"
    assert "PGD-10 % of ours: worst case with fgsm as well." in found.table.notes


def test_an_attack_alone_is_taken_first():
    rows = chain(PLAIN, 0, 0.48, attacks=("fgsm", "pgd_10"))
    alone = chain(PLAIN, 0, 0.485, attacks=("pgd_10",))
    (found,) = compare_with_papers(frames(SEEDS, [*alone, *rows]))
    assert values(found, PLAIN)["PGD-10 %: ours, test"] == "48.50 (1)"
    assert not any("worst case" in note for note in found.table.notes)


def test_errors_are_subtracted_as_errors_and_judged_as_accuracies():
    numbers = {
        "PGD-AT, eps_schedule=constant": {"pgd100_err": "10.86 ± 1.43"},
        "PGD-AT+PAS, eps_schedule=linear": {"pgd100_err": "8.79 ± 1.16"},
    }
    constant, linear = numbers
    there = [study(space="pas_table1_mnist", numbers=numbers)]
    trials = [trial(label, seed, 0.5) for label in numbers for seed in (0, 1)]
    evaluation = [
        row
        for label, each in ((constant, (0.80, 0.82)), (linear, (0.90, 0.921)))
        for seed, accuracy in enumerate(each)
        for row in chain(label, seed, accuracy, attacks=("pgd_100_10",))
    ]
    (found,) = compare_with_papers(frames(trials, evaluation, there))
    assert values(found, constant)["PGD-100 error %: ours - paper"] == "+8.14"  # 19 - 10.86
    said = find_verdict(
        found, "A linear schedule of eps beats a constant one (Table 1; published PGD"
    )
    # 10 and 10.1 points: 10.05 ± 12.706 * 0.05
    assert "): yes; +10.05 points [+9.41, +10.69]" in said
    assert "of PGD-100 accuracy on test images" in said


def test_minutes_are_listed_and_their_ratio_is_compared():
    numbers = {
        "PGD-AT": {"train_minutes_per_epoch": "19.22"},
        "PGD-AT+HE": {"train_minutes_per_epoch": "19.23"},
    }
    there = [study(space="he_table_c", numbers=numbers)]
    trials = [
        trial(label, seed, 0.5, seconds=seconds)
        for label, each in (("PGD-AT", (6600.0, 6606.6)), ("PGD-AT+HE", (6600.0, 6613.2)))
        for seed, seconds in enumerate(each)
    ]
    (found,) = compare_with_papers(frames(trials, studies=there))
    row = values(found, "PGD-AT")
    assert row["minutes an epoch: paper"] == "19.22"
    assert row["minutes an epoch: here"] == "1.00 ± 0.00 (2)"  # 6600 s / 110 epochs
    assert not [name for name in row if "ours - paper" in name]
    # 0 and -0.1 %: -0.05 ± 12.706 * 0.05, within one percent
    said = find_verdict(found, "Hypersphere embedding costs PGD-AT no time")
    assert ": yes; -0.05 points [-0.68, +0.58]" in said


def test_footnotes_appear_with_their_lines():
    labels = ["weight_decay=5e-4, activation=relu", "weight_decay=5e-5, activation=tanh"]
    numbers = {label: {"pgd10_acc": "50.00"} for label in labels}
    there = [study(space="bag_of_tricks_table6", numbers=numbers)]
    (found,) = compare_with_papers(frames([trial(labels[0], 0, 0.5)], studies=there))
    relu, tanh = found.table.lines
    assert not relu.marks
    assert "Trained with weight decay 5e-5" in found.table.notes[tanh.marks[0] - 1]
    assert not any("softplus" in note for note in found.table.notes)  # no such line here
    assert "<sup>" in found.html()
    assert "\\textsuperscript{3}" in found.latex()


@pytest.mark.parametrize(
    ("paper", "table", "words"),
    [
        ("bag_of_tricks", "Table 11", "megabytes of a float32 checkpoint"),
        ("bag_of_tricks", "Table 9", "That is so with WRN-34-20 at 8/255"),
        ("bag_of_tricks", "Table 8", "Section 3.3 recommends eval-mode"),
        ("bag_of_tricks", "Table 2", "number of seeds is not given"),
        ("he", "Table A", "eps of the attacks is not given"),
        ("llr", "text:R3", "The attack behind 49.37"),
        ("pas", "Table 1", "less is better"),
    ],
)
def test_known_errors_are_footnoted(paper, table, words):
    (source,) = (each for each in list_tables() if (each.paper, each.table) == (paper, table))
    assert any(words in note for note in build_published_table(source).notes)


class Page(HTMLParser):
    """Checks that every tag is closed, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.scopes = [], "", []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.scopes += [value for key, value in attrs if key == "scope"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(html):
    page = Page()
    page.feed(html)
    page.close()
    assert not page.open
    return page


def balanced(latex):
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", latex):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    return depth == 0


def test_all_tables_render():
    for source in list_tables():
        each = build_published_table(source)
        page = parsed(each.html())
        assert page.scopes.count("row") == len(each.lines)
        assert page.scopes.count("col") == len(each.headings)
        assert balanced(each.latex())
        rows = [line for line in each.latex().splitlines() if line.endswith("\\\\")]
        columns = {len(re.findall(r"(?<!\\)&", line)) for line in rows}
        assert columns == {len(each.headings) - 1}
        rows = [line for line in each.markdown().splitlines() if line.startswith("| ")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(each.headings) + 1}
        assert len(rows) == len(each.lines) + 2


def test_any_name_is_escaped():
    name = "a|b & 50% of <script>x_y</script> {~^\\}#$*`"
    said = TextTable(
        caption=name, headings=("setting", name), lines=(TableLine(name, (name,), (1,)),),
        notes=(name,), verdicts=(name,),
    )  # fmt: skip
    page = parsed(said.html())
    assert page.text.count(name) == 6
    assert "<script>" not in said.html()
    assert balanced(said.latex())
    bare = re.sub(r"\\[%&#$_{}]|\\text\w+\{\}", "", said.latex())
    assert not re.search(r"[%#$~^<>|_]", bare)
    plain = re.sub(r"\\(.)", r"\1", said.markdown())
    assert plain.count(name) == 6
    assert "<script>" not in said.markdown()


def test_a_user_supplied_table():
    numbers = {"my <own>": {"pgd": 51.5, "aa_acc": "about 50"}}
    there = [study(space="./mine.py", numbers=numbers)]
    trials = [trial("my <own>", 0, 0.5)]
    (found,) = compare_with_papers(frames(trials, chain("my <own>", 0, 0.48), there))
    row = values(found, "my <own>")
    assert row["pgd: paper"] == "51.5"
    assert row["AutoAttack %: ours, test"] == "48.00 (1)"
    assert row["AutoAttack %: ours - paper"] == ""  # what is printed there is no number
    assert not found.verdicts
    assert found.source is None


def test_incomplete_frames_make_no_table_and_no_error():
    trials = [{"study": "one", "trial_id": "0", "status": "completed", "val_robust_accuracy": 0.5}]
    assert not compare_with_papers(frames(trials, studies=[Study(name="one")]))
    evaluation = [{"study": "one", "trial_id": "0", "attack": "square"}]
    (found,) = compare_with_papers(frames(trials, evaluation))
    assert not [name for name in found.table.headings if "ours, test" in name]


@pytest.mark.parametrize(
    "said",
    [
        {"variants": None}, {"variants": [1]}, {"variants": {"a": 3}}, {"command": "it's seed"},
        {"fixed": {"threat": 3}}, {"searched": None}, {"space": None},
    ],
)  # fmt: skip
def test_an_invalid_search_yaml_makes_no_table(said, tmp_path):
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(said))
    there = [Study(name="one", description=load_description(tmp_path, []))]
    trials = [{key: value for key, value in SEEDS[0].items() if key != "variant"}]
    assert not compare_with_papers(frames(trials, studies=there))
