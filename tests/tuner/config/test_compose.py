"""Recipe < space < arguments, and everything that can be wrong with them."""

import numpy as np
import pytest

from trainables.errors import InputError
from trainables.training.constraint import Constraint
from tuner.config.compose import compose_plan
from tuner.config.objectives import Goal
from tuner.search import parse_search_arguments


def plan(*words):
    return compose_plan(*parse_search_arguments(words))


def problems(*words):
    with pytest.raises(InputError) as error:
        plan(*words)
    return error.value.problems


def test_the_space_alone_is_a_study_on_the_embedded_images():
    study = plan("space=weight_decay")
    assert study.recipe == "mnist5k"
    assert study.variants[0].fixed["data"]["name"] == "mnist5k"
    assert set(study.domains_by_knob) == {"optimizer.weight_decay"}
    assert "weight_decay" not in study.variants[0].fixed["optimizer"]
    assert (study.trials, study.searcher, study.scheduler) == (
        12,
        {"name": "tpe"},
        {"name": "asha"},
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "schedule"),
        (["fidelity=attack"], "attack"),
        (["scheduler=asha"], "schedule"),
        (["scheduler=halving"], "schedule"),
        (["scheduler=asha", "fidelity=epochs"], "epochs"),
        (["scheduler=none"], "epochs"),
    ],
)
def test_the_scheduler_says_what_is_cheaper_at_its_rungs(words, expected):
    assert plan("space=weight_decay", *words).settings.fidelity == expected


def test_the_data_set_names_its_recipe():
    study = plan("space=weight_decay", "data=cifar10")
    assert study.recipe == "cifar10"
    assert study.epochs == 110
    assert study.variants[0].fixed["schedule"]["drops"] == (100 / 110, 105 / 110)
    assert study.variants[0].fixed["threat"] == {"name": "linf", "eps": 8 / 255}


def test_the_published_baseline_of_bag_of_tricks():
    fixed = plan("space=weight_decay", "recipe=cifar10").variants[0].fixed
    assert fixed["optimizer"]["lr"] == 0.1
    assert fixed["optimizer"]["momentum"] == 0.9
    assert fixed["data"]["batch_size"] == 128
    assert (fixed["update"]["name"], fixed["update"]["mode"]) == ("alternate", "eval")
    assert fixed["attack"]["steps"] == 10
    assert fixed["attack"]["step_size"] == 2 / 255


def test_arguments_lie_on_top():
    study = plan("space=weight_decay", "attack.steps=3", "epochs=4", "optimizer.lr=1/50")
    assert study.variants[0].fixed["attack"]["steps"] == 3
    assert study.variants[0].fixed["optimizer"]["lr"] == 0.02
    assert study.epochs == 4


def test_another_member_starts_from_its_own_defaults_but_keeps_what_the_space_searches():
    study = plan("space=weight_decay", "optimizer=sgd")
    assert study.variants[0].fixed["optimizer"]["lr"] == 0.1  # not Adam's of the recipe
    assert set(study.domains_by_knob) == {"optimizer.weight_decay"}


def test_what_all_members_share_stays_when_another_is_chosen():
    fixed = (
        plan("space=weight_decay", "recipe=he_pgd_at", "model=vgg16", "data=svhn").variants[0].fixed
    )
    assert fixed["model"]["head"] == "cosine"
    assert fixed["data"]["batch_size"] == 128


def test_a_method_brings_what_it_is_published_with_and_arguments_lie_on_top():
    fixed = plan("space=weight_decay", "method=trades").variants[0].fixed
    assert fixed["attack"]["start"] == "gaussian"
    assert (
        fixed["attack"]["steps"] == plan("space=weight_decay").variants[0].fixed["attack"]["steps"]
    )
    assert plan("space=weight_decay", "method=grad_align").variants[0].fixed["attack"] == {
        "name": "fgsm",
        "reach": 1.0,
    }
    assert (
        plan("space=weight_decay", "method=grad_align", "attack=pgd")
        .variants[0]
        .fixed["attack"]["steps"]
    )


@pytest.mark.parametrize("name", ["fgsm", "fgsm_rs", "n_fgsm"])
def test_one_step_methods_are_pgd_at_with_their_own_attack(name):
    fixed = plan("space=weight_decay", f"method={name}").variants[0].fixed
    assert fixed["attack"]["name"] == name
    assert (fixed["update"]["name"], fixed["update"]["mode"]) == ("alternate", "train")


def test_an_argument_may_fix_or_search_any_knob():
    study = plan("space=weight_decay", "optimizer.lr=loguniform(1e-3,1e-1)")
    assert set(study.domains_by_knob) == {"optimizer.weight_decay", "optimizer.lr"}
    assert plan("optimizer.lr=loguniform(1e-3,1e-1)").space == "custom"


def test_a_grid_is_tried_cell_by_cell():
    study = plan("optimizer.lr=grid(1e-3,1e-2)", "attack.steps=choice(1,2,3)")
    assert study.searcher == {"name": "grid"}
    assert study.trials == 6
    assert plan("optimizer.lr=grid(1e-3,1e-2)", "trials=50").trials == 2


def test_a_space_of_the_users_own(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from ray import tune\ndef space():\n    return {'attack': {'steps': tune.randint(1, 4)}}\n"
    )
    assert set(plan(f"space={tmp_path / 'mine.py'}").domains_by_knob) == {"attack.steps"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["space=weight_dcay"], "Did you mean 'weight_decay'?"),
        (["space=weight_decay", "objectives=robust,speed"], "[1] must be 'robust' or 'clean'"),
        (["space=weight_decay", "objectives=clean"], "objectives: must be robust or robust,clean"),
        (["space=weight_decay", "objectives=robust,robust"], "must be robust or robust,clean"),
        (["space=weight_decay", "objectives=clean,robust", "searcher=cmaes"], "write searcher=tpe"),
        (["space=weight_decay", "constraint=clean>=80"], "for 80 % write 'clean>=0.8'"),
        (["space=weight_decay", "constraint=speed>=0.8"], "constraint: must be 'clean>=FRACTION'"),
        (["space=weight_decay", "warm_start=a,a"], "warm_start: must name each folder once"),
        (["space=weight_decay", "warm_start=a", "searcher=random"], "random does not learn"),
        (["space=weight_decay", "method=trades2"], "method: no 'trades2' in methods."),
        (["space=weight_decay", "optimizer.lr=-1"], "lr: must be greater than 0, got -1."),
        (["space=weight_decay", "threat.eps=8"], "did you mean threat.eps=8/255?"),
        (["space=weight_decay", "attack.step_size=2"], "Did you mean attack.step_size=2/255?"),
        (["space=weight_decay", "trials=0"], "trials: must be greater than or equal to 1, got 0."),
        (["space=weight_decay", "optimizer.weight_decay=uniform(3,1)"], "uniform(1,3)?"),
        (["space=weight_decay", "optimizer.weight_decay=3e-4"], "nothing is searched"),
        (["trials=3"], "nothing is searched"),
        (["space=weight_decay", "trials=true"], "trials: must be a valid integer, got True."),
        (["space=weight_decay", "trials=1000000000000000000000"], "must be at most 1000000000"),
        (["space=weight_decay", "epochs=1000000000000000000000"], "must be at most 1000000000"),
        (["space=weight_decay", "seed=4294967296"], "seed: must be less than 4294967296"),
        (["space=weight_decay", "data.split_seed=4294967296"], "must be less than 4294967296"),
        (["space=weight_decay", "cpu=0.00001"], "must be greater than or equal to 0.0001"),
        (["space=weight_decay", "gpu=0.00001"], "gpu: must be 0 or at least 0.0001"),
        (["space=weight_decay", "recipe=cifar"], "recipe: no 'cifar' in recipes."),
        (["space=weight_decay", "data=cifar11"], "data: no 'cifar11' in data."),
        (["space=weight_decay", "data=arrays"], "data.path: needs a value"),
        (["space=weight_decay", "method.beta=6"], "method.beta: no such knob of method=pgd_at."),
        (["space=weight_decay", "weight_decay=1"], "Did you mean optimizer.weight_decay?"),
        (["space=weight_decay", "trails=3"], "trails: no such key. Did you mean 'trials'?"),
        (["space=weight_decay", "trials.x=3"], "trials has no knobs"),
        (["space=weight_decay", "optimizer.lr.x=3"], "expected GROUP.KNOB"),
        (["space=weight_decay", "--fast"], "expected key=value"),
        (["space=weight_decay", "searcher=grid"], "a grid needs listed values"),
        (["space=weight_decay", "scheduler=hyperband2"], "scheduler: no 'hyperband2'"),
        (
            ["space=weight_decay", "scheduler=asha", "scheduler.grace=2"],
            "scheduler.grace: must be less than",
        ),
        (["space=weight_decay", "scheduler.rungs=[drop]"], "write fidelity=epochs"),
        (["space=weight_decay", "scheduler=pbt", "seeds=2"], "seeds: must be 1 with scheduler=pbt"),
        (
            ["model.activation=choice(relu,silu)", "scheduler=pbt"],
            "pbt cannot change model.activation of a network",
        ),
        (["attack.steps=choice(1,2)", "scheduler=pb2"], "pb2 needs a range for attack.steps"),
        (
            ["space=weight_decay", "attack=fgsm", "fidelity=attack"],
            "attack=fgsm has no steps and step_size to take fewer of",
        ),
        (["space=weight_decay", "searcher=tpe", "attack.steps=grid(1,2)"], "write searcher=grid"),
        (["threat.eps=uniform(0.1,0.2)"], "threat: is never searched"),
        (["exam.steps=choice(1,2)"], "exam: is never searched"),
        (["exam.steps=grid(1,2)"], "exam: is never searched"),
        (["sentinel.every=grid(0,200)"], "sentinel: is never searched: all trials must be stopped"),
        (["data.split_seed=grid(1,2)"], "data.split_seed: is never searched"),
        (["attack.steps=uniform(1,3)"], "attack.steps: must be a valid integer"),
        (["attack.steps=choice(3,0)"], "got 0 in choice(3, 0)."),
        (["optimizer=uniform(1,2)"], "optimizer: has names"),
        (["threat=choice(linf,l2)"], "threat: is never searched"),
        (["space=weight_decay", "schedule=piecewise", "schedule.drops=[9,10]"], "schedule.drops"),
        (["space=weight_decay", "time_budget=soon"], "time_budget: must be seconds, or such as"),
        (["space=weight_decay", f"results={'x' * 300}"], "results: must be a valid path"),
        (["space=weight_decay", "results=~no-such-user"], "results: must be a valid path"),
        (["space=weight_decay", "data=arrays", f"data.path={'x' * 300}"], "File name too long"),
        (["space=weight_decay", "data=cifar10", f"data.root={'x' * 300}"], "File name too long"),
        ([f"space={'x' * 300}.py"], "File name too long"),
        (["space=weight_decay", f"name={'x' * 300}"], "name: must be at most 255 bytes"),
        (["space=weight_decay", "name=a/b"], "name: must be letters, digits and _ . + -"),
        (["space=weight_decay", "name=-a"], "name: must be letters, digits and _ . + -"),
        (["space=weight_decay", "trials=1:30"], "trials: must be a valid integer"),
        (["space=weight_decay", "time_budget=1:30"], "must be seconds, or such as 30m, 2h30m"),
        (["space=weight_decay", "report_limit=1..5h"], "must be seconds, or such as 30m, 2h30m"),
        (["space=weight_decay", "disk_budget=20Gb"], "must be bytes, or such as 500MB, 20GB"),
        (["space=weight_decay", "tracker=wanbd"], "(Did you mean 'wandb'?), got 'wanbd'."),
        (["space=weight_decay", "searcher=choice(tpe,gp)"], "searcher: needs a name, one of"),
        (["space=weight_decay", "searcher=[tpe]"], "searcher: needs a name, one of"),
        (["space=weight_decay", "results={a: 1}"], "results: expected a value, got {a: 1}."),
        (["space=trades_beta", "method.beta={a: 1}"], "method.beta: expected a value, got {a: 1}"),
        (["optimizer.lr=1", "optimizer.lr={a: 1}"], "optimizer.lr: expected a value"),
        (["space=weight_decay", "space={a: 1}"], "space: expected a value"),
        (["optimizer.lr={grid_search: 5}"], "grid(VALUE,VALUE)"),
        (["optimizer.lr=quniform(0.1,1,0)"], "optimizer.lr: quniform needs a step above 0"),
        (["space=weight_decay", "recipe=[]"], "recipe: must be a name or a path, got []."),
        (["space=weight_decay", "attack=[1"], "cannot read 'attack=[1'"),
        (["space=weight_decay", "trials="], "trials: expected a value"),
        (["space=[weight_decay]"], "space: must be a name or a path"),
        (["space=weight_decay", "optimizer=[sgd]"], "optimizer: needs a name"),
        (["optimizer.lr=uniform(0,inf)"], "finite ends"),
        (["attack.steps=quniform(1,3,0.5)"], "attack.steps: must be a valid integer"),
    ],
)  # fmt: skip
def test_bad_input_is_told(words, message):
    messages = problems(*words)
    assert any(message in line for line in messages), messages
    assert all(line.endswith((".", "?")) for line in messages), messages


def test_all_problems_are_told_at_once():
    messages = problems("space=weight_dcay", "method=trades2", "optimizer.lr=-1", "trials=0", "x")
    assert len(messages) == 5


def test_a_radius_may_be_swept_as_a_grid():
    assert plan("threat.eps=grid(1/255,2/255)").trials == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "must define a function space()"),
        ("def space(:", "SyntaxError"),
        ("def space(): return [1]", "must return a dictionary from space(), got [1]."),
        ("def space(): return None", "must return a dictionary"),
        ("def space(): return {'optimizer': 3}", "must have groups of knobs in space()"),
        ("def space(): return {'optimizer': {'lrr': 3}}", "optimizer.lrr: no such knob"),
        ("def space(): return {'optimiser': {'lr': 3}}", "a group that does not exist"),
        ("def space(): raise RuntimeError('boom')", "fails in space(): RuntimeError: boom"),
        (
            "from ray import tune\ndef space(): return {'optimizer': {'lr': tune.randn(0, 1)}}",
            "needs a domain with ends",
        ),
    ],
)
def test_a_users_space_that_is_none(tmp_path, text, message):
    (tmp_path / "mine.py").write_text(text)
    assert any(message in line for line in problems(f"space={tmp_path / 'mine.py'}"))


def test_a_member_of_the_users_own_is_absolute_wherever_it_is_looked_at_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, _ = parse_search_arguments(["model=./net.py", "method=trades"])
    assert arguments["model"] == {"name": str(tmp_path / "net.py")}
    assert arguments["method"] == {"name": "trades"}


def test_a_path_of_the_users_is_absolute_in_the_plan(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz")
    monkeypatch.chdir(tmp_path)
    study = plan("space=weight_decay", "data=arrays", "data.path=mine.npz")
    assert study.variants[0].fixed["data"]["path"] == str(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    "text", ["x = 1", "def recipe(): return {}", "EPOCHS = 3\ndef recipe(): return 3"]
)
def test_a_users_recipe_that_is_none(tmp_path, text):
    (tmp_path / "mine.py").write_text(text)
    messages = problems("space=weight_decay", f"recipe={tmp_path / 'mine.py'}")
    assert messages[0].startswith("recipe: ")


CONDITIONAL = """
from ray import tune

def space():
    return {"optimizer": {"weight_decay": 1e-4}}

def variants():
    return {
        "slow": {"optimizer": {"name": "sgd", "lr": tune.uniform(0.1, 0.2)}},
        "fast": {"optimizer": {"name": "adam", "lr": tune.loguniform(1e-4, 1e-3)}},
    }
"""


def test_a_conditional_space_has_knobs_for_each_choice(tmp_path):
    (tmp_path / "mine.py").write_text(CONDITIONAL)
    study = plan(f"space={tmp_path / 'mine.py'}", "attack.steps=3")
    assert [v.label for v in study.variants] == ["slow", "fast"]
    assert [v.fixed["optimizer"]["name"] for v in study.variants] == ["sgd", "adam"]
    assert all(v.fixed["attack"]["steps"] == 3 for v in study.variants)
    assert (study.searcher["name"], study.trials) == ("tpe", 12)
    assert study.knob_columns == ["variant", "optimizer", "optimizer.lr"]


def test_a_problem_of_one_variant_is_told_with_its_label_and_one_of_all_once(tmp_path):
    (tmp_path / "mine.py").write_text(CONDITIONAL)
    messages = problems(f"space={tmp_path / 'mine.py'}", "optimizer.momentum=0.9", "attack.steps=0")
    assert len(messages) == 2
    assert messages[0].startswith("attack.steps: must be greater than or equal to 1")
    assert messages[1].startswith("optimizer.momentum: no such knob of optimizer=adam.")
    assert messages[1].endswith("(variant fast).")


def test_a_member_may_be_searched_by_name():
    study = plan("optimizer=grid(sgd,adam)", "model=choice(lenet,small_cnn)")
    assert [v.label for v in study.variants] == [
        f"model={model}, optimizer={optimizer}"
        for model in ("lenet", "small_cnn")
        for optimizer in ("sgd", "adam")
    ]
    assert (study.searcher["name"], study.trials) == ("grid", 4)
    assert plan("optimizer=choice(sgd,adam)").searcher["name"] == "tpe"


def test_a_space_may_say_its_recipe_epochs_and_scheduler(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from ray import tune\nRECIPE, EPOCHS, SCHEDULER = 'mnist', 3, 'none'\n"
        "def space():\n    return {'attack': {'steps': tune.randint(1, 4)}}\n"
    )
    study = plan(f"space={tmp_path / 'mine.py'}")
    assert (study.recipe, study.epochs, study.scheduler["name"]) == ("mnist", 3, "none")
    study = plan(f"space={tmp_path / 'mine.py'}", "epochs=5", "scheduler=asha", "recipe=mnist5k")
    assert (study.recipe, study.epochs, study.scheduler["name"]) == ("mnist5k", 5, "asha")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["space=attack_early_stop", "method=standard"], "method=standard attacks nothing"),
        (["space=attack_early_stop", "update=free"], "update=free crafts without one"),
        (["space=fgsm_step", "update=yopo"], "update=yopo crafts without one"),
        (["space=label_smoothing", "method=mart"], "method=mart has a built-in loss"),
        (["eps_schedule.warmup=grid(0,0.1)", "method=cure"], "method=cure attacks nothing"),
        (["space=weight_decay", "criterion=hypersphere"], "write model.head=cosine."),
        (["space=he_scale_margin", "criterion.m=1.5"], "criterion.m: must be less than 1"),
        (["space=he_scale_margin", "model.s=0"], "model.s: must be greater than 0, got 0."),
        (["space=weight_decay", "s=0"], "Did you mean model.s?"),
        (["space=weight_decay", "method=free"], "There is update=free."),
        (["space=mixup", "method=mart"], "data.mixup: must be 0 with method=mart"),
        (["space=weight_decay", "attack=friendly", "data.mixup=1"], "with attack=friendly"),
        (["method=fgsm_pgi", "data.extra=a.npz"], "data.extra: must be left out with attack"),
        (["method=atas", "update.micro_batch=8"], "micro_batch: must be left out with attack"),
        (["space=weight_decay", "model.softplus_beta=10"], "write model.activation=softplus."),
        (["space=weight_decay", "schedule=piecewise", "schedule.drops=[100,105]"], "100/110"),
        (["space=weight_decay", "model=wide_resnet", "model.depth=35"], "6 n + 4, got 35."),
        (["space=weight_decay", "schedule=piecewise", "schedule.drops=[0.9,0.5]"], "must ascend"),
        (["space=weight_decay", "periods.resets=[0.7,0.5]"], "milestones must ascend"),
    ],
)
def test_what_makes_no_sense_together_is_refused(words, message):
    messages = problems(*words)
    assert any(message in line for line in messages), messages


def test_what_may_still_make_sense_is_not_refused():
    plan("model.activation=grid(relu,softplus)", "model.softplus_beta=10")
    plan("space=he_scale_margin", "method=trades")


def test_llr_without_a_second_derivative_is_cautioned_against_and_done():
    study = plan("space=weight_decay", "method=llr")
    assert study.warnings[0].startswith("model.activation: the second derivative of relu vanishes")
    assert not plan("space=llr").warnings


OUTSPOKEN = """
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer

def conflicts(config):
    yield "method: mine works with nothing."

def warnings(config):
    yield "method: mine is slow."
"""


def test_a_file_of_the_users_own_speaks_for_itself(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OUTSPOKEN)
    assert problems("space=weight_decay", f"method={path}") == ("method: mine works with nothing.",)
    path.write_text(OUTSPOKEN.replace("conflicts", "silent"))
    assert plan("space=weight_decay", f"method={path}").warnings == ("method: mine is slow.",)
    path.write_text(OUTSPOKEN.replace("yield", "1 / 0; yield"))
    assert "fails in conflicts(): ZeroDivisionError" in problems("trials=1", f"method={path}")[0]


def test_a_listed_value_that_clashes_is_named():
    assert problems("model.head=choice(linear,cosine)", "criterion=hypersphere") == (
        "criterion: hypersphere needs cosines for logits; write model.head=cosine "
        "(model.head=linear).",
    )
    plan("model.head=choice(linear,cosine)")


ORDERED = "from ray import tune\ndef space(): return {'optimizer': {'lr': tune.%s}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ORDERED % "uniform(0.3, 0.1)", "has optimizer.lr in space(): uniform needs its low end"),
        (ORDERED % "grid_search(5)", "grid_search needs a list of values, got 5."),
        (ORDERED % "choice([0.1, 0.1])", "choice lists 0.1 twice"),
        ("EPOCHS = -3\n", "EPOCHS: must be greater than or equal to 1, got -3."),
        ("EPOCHS = 'x'\n", "EPOCHS: must be a valid integer"),
        ("EPOCHS = [1]\n", "EPOCHS: must be a valid integer"),
        ("EPOCHS = float('nan')\n", "EPOCHS: must be a finite number"),
        ("EPOCHS = 1.5\n", "EPOCHS: must be a valid integer"),
        ("EPOCHS = True\n", "EPOCHS: must be a valid integer, got True."),
        ("def variants(): return {1: {}}\n", "must have words for labels in variants(), got 1."),
        ("def variants(): return {(1, 2): {}}\n", "must have words for labels"),
        ("def variants(): return {None: {}}\n", "got None."),
        ("def variants(): return {'a': {'attack': {1: 2}}}\n", "in variants() under 'a'"),
        ("def space(): return {'optimizer': {1: 2}}\n", "must have groups of knobs in space()"),
        ("def space(): return {1: {}}\n", "must have groups of knobs in space()"),
        ("def published(): return {'a': 3}\n", "must have {label: {name: number}} in published()"),
        ("def published(): return {1: {'a': 3}}\n", "in published(), got {1: {'a': 3}}."),
        ("def published(): return {'a': {'b': [3]}}\n", "in published()"),
        ("exit()\n", "cannot be imported: SystemExit"),
        ("def published(): exit()\n", "fails in published(): SystemExit"),
    ],
)
def test_what_a_users_space_has_wrong_is_told_when_it_is_read(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(f"def space(): return {{}}\n{text}")
    messages = problems(f"space={path}", "attack.steps=grid(1,2)")
    assert any(message in line and str(path) in line for line in messages), messages
    path.write_text(f"EPOCHS = 3\ndef space(): return {{}}\n{text}".replace("space", "recipe"))
    messages = problems(f"recipe={path}", "attack.steps=grid(1,2)")
    assert any(message.replace("space", "recipe") in line for line in messages), messages


def test_a_published_number_may_be_a_number(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def space(): return {'optimizer': {'lr': 0.1}}\n"
        "def variants(): return {'a': {}, 'b': {'attack': {'steps': 1}}}\n"
        "def published(): return {'a': {'pgd': 51.5}}\n"
    )
    assert plan(f"space={path}").variants[0].published == {"pgd": "51.5"}


def test_a_mapping_for_a_knob_is_told(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def space(): return {'attack': {'steps': {'a': 1}}}\n")
    assert "attack.steps: must be a valid integer, got {'a': 1}." in problems(f"space={path}")


def test_a_path_stays_as_it_was_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = plan("space=weight_decay", "results=2024/11", "data=arrays", "data.path=1/2")
    assert study.settings.results == str(tmp_path / "2024/11")
    assert study.variants[0].fixed["data"]["path"] == str(tmp_path / "1/2")


def test_an_ensemble_without_periods_is_cautioned_against_and_done():
    (caution,) = plan("space=weight_decay", "average=ensemble").warnings
    assert caution.startswith("average: an ensemble without periods is the network itself")
    assert not plan("space=weight_decay", "average=ensemble", "periods.resets=[1/2]").warnings


PGD_AT = """
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as outer
"""


@pytest.mark.parametrize(
    ("group", "text", "message"),
    [
        ("method", f"{PGD_AT}inner = 5", "must define a function inner (TypeError"),
        ("method", f"{PGD_AT}def outer(x: 'Tensr'): pass", "a function outer (NameError"),
        ("method", f"{PGD_AT}COMPANIONS = 5", "groups of knobs in COMPANIONS"),
        ("method", f"{PGD_AT}COMPANIONS = {{'attack': 5}}", "groups of knobs in COMPANIONS"),
        ("method", f"{PGD_AT}exit()", "cannot be imported: SystemExit"),
        ("data", "def load(): return 5", "must define RECIPE"),
        ("data", "RECIPE = 5\ndef load(): return 5", "must define RECIPE"),
    ],
)
def test_a_member_of_the_users_own_that_is_none_is_told_by_its_file(tmp_path, group, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    messages = problems("space=weight_decay", f"{group}={path}")
    assert all(str(path) in line for line in messages), messages
    assert any(message in line for line in messages), messages


def test_a_method_of_the_users_own_needs_no_annotations(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def inner(model, x, y): pass\ndef outer(model, x, x_adv, y): pass\n")
    assert plan("space=weight_decay", f"method={path}").variants


def test_objectives_and_constraint_are_keys_of_the_study():
    study = plan("space=weight_decay", "objectives=clean, robust", "constraint=clean >= 0.80")
    assert study.settings.goal == Goal(("robust", "clean"), Constraint("clean", 0.8))
    assert study.shared_config()["constraint"] == "clean>=0.8"
    assert "constraint" not in plan("space=weight_decay").shared_config()
    assert plan("space=weight_decay").settings.goal == Goal(("robust",), None)


def test_who_stops_by_one_of_two_objectives_is_told_what_it_costs():
    words = ["space=weight_decay", "objectives=robust,clean"]
    for scheduler in (["median"], ["pbt"], ["asha", "scheduler.variant=stopping"]):
        warnings = plan(*words, f"scheduler={scheduler[0]}", *scheduler[1:]).warnings
        assert any("scheduler=none runs all" in each for each in warnings)
    for scheduler in ("asha", "halving", "hyperband", "none"):
        warnings = plan(*words, f"scheduler={scheduler}").warnings
        assert warnings == plan("space=weight_decay").warnings


@pytest.mark.parametrize("folder", ["2024/11", "2024", "1e3", "1.10", "007", "1_0"])
def test_folders_and_names_may_look_like_numbers(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [f"warm_start={folder}", f"results={folder}", f"name={folder.replace('/', '-')}"]
    settings = plan("space=weight_decay", *words).settings
    assert settings.warm_start == (str(tmp_path / folder),)
    assert settings.results == str(tmp_path / folder)
    assert settings.name == folder.replace("/", "-")


def test_files_of_code_may_lie_at_home(tmp_path, monkeypatch):
    """No shell writes ~ out behind an equals sign."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.py").write_text('def space():\n    return {"optimizer": {"lr": 0.5}}\n')
    (tmp_path / "net.py").write_text("from trainables.models.lenet import build  # noqa: F401\n")
    study = plan("space=~/mine.py", "model=~/net.py", "optimizer.weight_decay=uniform(0,1)")
    assert study.variants[0].fixed["optimizer"]["lr"] == 0.5
    assert study.variants[0].fixed["model"]["name"] == str(tmp_path / "net.py")


def test_a_number_is_what_a_person_reads():
    """YAML reads 012 in base 8 and 1:30 in base 60."""
    assert plan("space=weight_decay", "trials=012").settings.trials == 12
    assert plan("space=weight_decay", "trials=1e1").settings.trials == 10
