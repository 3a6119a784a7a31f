"""`tuner.check` on files that break one rule each."""

import pytest

from tuner.check import main

HEADER = '"""A custom member."""\n'
METHOD = {
    "imports": "import torch\nimport torch.nn.functional as F",
    "more": "from trainables.methods import pgd_at",
    "rest": "inner = pgd_at.inner",
    "outer": ("def outer(model, x, x_adv, y):\n    return F.cross_entropy(model(x_adv), y)"),
}


def method(**parts):
    return HEADER + "\n\n\n".join((METHOD | parts).values()) + "\n"


def outer(*lines):
    return method(outer="def outer(model, x, x_adv, y):\n" + "".join(f"    {x}\n" for x in lines))


def inner(*lines, annotation="object"):
    head = f"def inner(model, x, y) -> {annotation}:\n"
    return method(rest=head + "".join(f"    {line}\n" for line in lines))


def attack(*lines, constants="GRADIENT_STEPS = 1", rng=""):
    return (
        HEADER
        + "import torch\n\n"
        + constants
        + f"\n\n\ndef perturb(objective, x, y, *, threat{rng}):\n"
        + "".join(f"    {line}\n" for line in lines)
    )


STEP = (
    "z = x.clone().requires_grad_()",
    "value, _ = objective(z)",
    "(grad,) = torch.autograd.grad(value.sum(), z)",
)
END = "return threat.project(x + threat.eps * threat.steepest_step(grad), x).detach()"


def network(*forward, init="self.last = nn.Linear(shape[0] * shape[1] * shape[2], classes)"):
    lines = "".join(f"        {line}\n" for line in forward)
    return (
        HEADER + "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self, shape, classes):\n        super().__init__()\n"
        f"        {init}\n\n    def forward(self, x):\n{lines}\n\n"
        "def build(shape, classes):\n    return Net(shape, classes)\n"
    )


def loss(*lines):
    return (
        HEADER
        + "import torch\nimport torch.nn.functional as F\n\n\ndef loss(logits, y):\n"
        + "".join(f"    {line}\n" for line in lines)
    )


def dataset(x="x", y="y", mean="(0.5,)", std="(0.5,)", test="Images(x=x, y=y)", draw="", classes=2):
    return (
        HEADER + "import torch\n"
        "from trainables.data_pipeline.images import Dataset, Images\n\n\ndef load():\n"
        "    x = torch.arange(16).view(16, 1, 1, 1).expand(16, 1, 4, 4).to(torch.uint8)\n"
        f"    y = torch.arange(16) % 2\n    {draw}\n"
        f"    return Dataset(train=Images(x={x}, y={y}), test={test}, classes={classes}, "
        f"mean={mean}, std={std})\n"
    )


def update(*lines, constants=""):
    return (
        HEADER
        + constants
        + "\n\n\ndef update(model, optimizer, x, y, *, method, attack):\n"
        + "".join(f"    {line}\n" for line in lines)
    )


def optimizer(arguments, knobs="lr: Positive = 0.1"):
    return (
        HEADER + "import torch\nfrom trainables.hparams.ranges import NonNegative, Positive\n\n\n"
        f'def build(parameters, *, {knobs}):\n    """Return SGD.\n\n    Args:\n'
        '        lr: Length of a step.\n        weight_decay: Shrinks weights.\n    """\n'
        f"    return torch.optim.SGD(parameters, {arguments})\n"
    )


TRAIN = (
    "x_adv = attack.perturb(method.inner(model, x, y), x, y)",
    "optimizer.zero_grad()",
    "loss = method.outer(model, x, x_adv, y)",
    "loss.backward()",
    "optimizer.step()",
)
GOOD = {
    "method": method(),
    "attack": attack(*STEP, END),
    "model": network("return self.last(x.flatten(1))"),
    "criterion": loss("return F.cross_entropy(logits, y, reduction='none')"),
    "data": dataset(),
    "update": update(*TRAIN, "return loss.detach()"),
    "schedule": HEADER + "\n\ndef factor(progress):\n    return 1 - progress\n",
    "optimizer": optimizer("lr=lr"),
}
CE = "F.cross_entropy(model(x_adv), y"
SOFT = "return F.cross_entropy(logits, y, reduction='none')"
BROKEN = {
    "a loss per image": (
        "method",
        outer(f"return {CE}, reduction='none')"),
        "must return a scalar",
    ),
    "a sum": ("method", outer(f"return {CE}, reduction='sum')"), "must be a mean over images"),
    "a detached loss": ("method", outer(f"return {CE}).detach()"), "got a detached one"),
    "a float": ("method", outer(f"return {CE}).item()"), "got float"),
    "no gradient": (
        "method",
        outer("return F.cross_entropy(model[3](model[:3](x_adv).detach()), y)"),
        "gives 0.weight no gradient",
    ),
    "not finite": ("method", outer(f"return {CE}) * float('nan')"), "must return a finite loss"),
    "a norm of 0": (
        "method",
        outer(
            "x = x.clone().requires_grad_()",
            "(g,) = torch.autograd.grad(F.cross_entropy(model(x), y), x, create_graph=True)",
            f"return {CE}) + (g / g.norm()).sum()",
        ),
        "is a norm of 0 divided by?",
    ),
    "global draws": (
        "method",
        outer(
            "noise = 0.1 * torch.rand_like(x_adv)", "return F.cross_entropy(model(x + noise), y)"
        ),
        "draws from global random numbers",
    ),
    "in place": (
        "method",
        outer("x.clamp_(0.2, 0.8)", f"return {CE})"),
        "changes its images or labels in place",
    ),
    "leaves a graph": (
        "method",
        outer("x.requires_grad_()", f"return {CE})"),
        "leaves requires_grad on the clean images",
    ),
    "a batch statistic": (
        "method",
        outer(f"return {CE}) + (model(x).mean() ** 2)"),
        "write WHOLE_BATCH = True",
    ),
    "an undeclared None": ("method", inner("return None"), "annotate its return type as -> None"),
    "a declared None": (
        "method",
        inner("return pgd_at.inner(model, x, y)", annotation="None"),
        "annotate its return type as an objective",
    ),
    "a scalar objective": (
        "method",
        inner("return lambda z: (F.cross_entropy(model(z), y), model(z))"),
        "must return values (1,) and logits (1, 5)",
    ),
    "other logits": (
        "method",
        inner("return lambda z: (model(z).sum(dim=1), model(x))"),
        "must return the logits of the images that it gets",
    ),
    "a flat objective": (
        "method",
        inner("return lambda z: (0 * model(z).sum(dim=1), model(z))"),
        "not 0 everywhere",
    ),
    "no docstring": ("method", method().replace(HEADER, ""), "must begin with one sentence"),
    "an exception": ("method", outer("return nothing"), "NameError: name 'nothing' is not"),
    "another shape": (
        "attack",
        attack(*STEP, END + ".flatten(1)"),
        "must return images (7, 3, 6, 4)",
    ),
    "a graph": ("attack", attack(*STEP, "return z + 0"), "must return detached images"),
    "outside the ball": (
        "attack",
        attack(*STEP, "return (x + 2 * threat.eps * grad.sign()).clamp(0, 1).detach()"),
        "must stay in the ball",
    ),
    "outside the pixels": (
        "attack",
        attack(*STEP, "return (x + threat.eps * grad.sign()).detach()"),
        "pixels must be in [0, 1]",
    ),
    "a global start": (
        "attack",
        attack(
            *STEP,
            "noise = torch.rand(x.shape, device=x.device) * threat.eps * 0.1",
            "return threat.project(x + noise, x).detach()",
        ),
        "the same seed gives other images",
    ),
    "an idle generator": (
        "attack",
        attack(*STEP, END, rng=", rng=None"),
        "takes rng, but another seed gives the same images",
    ),
    "gradients in weights": (
        "attack",
        attack(
            "z = x.clone().requires_grad_()",
            "objective(z)[0].sum().backward()",
            "grad = z.grad",
            END,
        ),
        "leaves gradients in the weights",
    ),
    "undeclared steps": ("attack", attack(*STEP, END, constants=""), "GRADIENT_STEPS: write the"),
    "other steps": (
        "attack",
        attack(*STEP, END, constants="GRADIENT_STEPS = 2"),
        "declares 2 gradient steps, but the objective is evaluated 1 times",
    ),
    "the CPU": (
        "attack",
        attack(*STEP, "return torch.zeros(x.shape) + x.mean().item() * 0"),
        "fails in check_device",
    ),
    "no module": (
        "model",
        HEADER + "\n\ndef build(shape, classes):\n    return None\n",
        "must return a torch.nn.Module",
    ),
    "features": ("model", network("return x.flatten(1)"), "must return logits (4, 5) for 4 images"),
    "probabilities": (
        "model",
        network("return self.last(x.flatten(1)).softmax(dim=1)"),
        "remove the softmax",
    ),
    "infinite logits": (
        "model",
        network("return self.last(x.flatten(1)) / 0"),
        "its logits must be finite",
    ),
    "randomised": (
        "model",
        network("z = self.last(x.flatten(1))", "return z + torch.rand_like(z)"),
        "two outputs for the same images differ",
    ),
    "mixed images": (
        "model",
        network("return self.last((x - x.mean(dim=0)).flatten(1))"),
        "depend on the others of the batch",
    ),
    "an idle layer": (
        "model",
        network(
            "return self.last(x.flatten(1))",
            init="self.idle = nn.Linear(2, 2)\n        self.last = nn.Linear(3072, classes)",
        ),
        "idle.weight, idle.bias get no gradient",
    ),
    "a constant on the CPU": (
        "model",
        network("return self.last(x.flatten(1) * torch.tensor([1.0]).expand(3072))"),
        "on the device of the images",
    ),
    "other initial weights": (
        "model",
        network(
            "return self.last(x.flatten(1))",
            init="self.last = nn.Linear(3072, classes)\n"
            "        nn.init.normal_(self.last.weight, generator=torch.Generator().manual_seed("
            "torch.seed() % 1000))",
        ),
        "the same seed gives other initial weights",
    ),
    "a mean loss": (
        "criterion",
        loss("return F.cross_entropy(logits, y)"),
        "one loss per image (1,)",
    ),
    "labels alone": (
        "criterion",
        loss("return -logits.log_softmax(dim=1).gather(1, y[:, None])[:, 0]"),
        "fails in check_probabilities",
    ),
    "an overflow": (
        "criterion",
        loss(
            "p = (3 * logits).exp()",
            "q = p / p.sum(dim=1, keepdim=True)",
            "t = y if y.is_floating_point() else F.one_hot(y, logits.shape[1])",
            "return -(t * q.log()).sum(dim=1)",
        ),
        "use log_softmax",
    ),
    "a batch loss": (
        "criterion",
        loss("z = logits - logits.mean(dim=0)", SOFT.replace("logits", "z")),
        "depends on the others of the batch",
    ),
    "random losses": (
        "criterion",
        loss("z = logits + 0.1 * torch.rand_like(logits)", SOFT.replace("logits", "z")),
        "two calls with the same logits differ",
    ),
    "floats": ("data", dataset(x="x.float()"), "must be uint8 pixels"),
    "channels last": (
        "data",
        dataset(x="x.permute(0, 2, 3, 1)"),
        "must have 1 or 3 channels at the second place",
    ),
    "labels of floats": ("data", dataset(y="y.float()"), "must be int64 labels (16,)"),
    "labels from 1": ("data", dataset(y="y + 1"), "must be from 0 to 1, got 1 to 2"),
    "two shapes": (
        "data",
        dataset(test="Images(x=x[..., 1:], y=y)"),
        "both splits must have images of one shape",
    ),
    "an absent class": ("data", dataset(classes=3), "no image of class 2 of 3"),
    "statistics of grey levels": ("data", dataset(mean="(127.0,)"), "mean must be in [0, 1]"),
    "no deviation": ("data", dataset(std="(0.0,)"), "std must be above 0"),
    "three channels": ("data", dataset(mean="(0.5,) * 3"), "must have 1 values, one per channel"),
    "another draw": (
        "data",
        dataset(
            draw="y = y[torch.randperm(16, generator=torch.Generator().manual_seed("
            "torch.seed() % 1000))]"
        ),
        "another call returns other images",
    ),
    "no Dataset": ("data", HEADER + "\n\ndef load():\n    return 1\n", "must return a trainables"),
    "no step": ("update", update(*TRAIN[:4], "return loss.detach()"), "call optimizer.step()"),
    "a loss with a graph": ("update", update(*TRAIN, "return loss"), "must return a detached"),
    "eval mode": (
        "update",
        update(*TRAIN, "model.eval()", "return loss.detach()"),
        "leaves the network in eval mode",
    ),
    "frozen weights": (
        "update",
        update(*TRAIN, "model.requires_grad_(False)", "return loss.detach()", constants="").replace(
            "x_adv =", "model.requires_grad_(True); x_adv ="
        ),
        "leaves weights that cannot be trained",
    ),
    "a perturbed weight": (
        "update",
        update(*TRAIN, "model[0].weight.data += 1", "return loss.detach()"),
        "changes the weights with a learning rate of 0",
    ),
    "steps of the attack": (
        "update",
        update(*TRAIN, "return loss.detach()", constants="GRADIENT_STEPS = 1"),
        "is that of the attack, which it calls",
    ),
    "above the peak": (
        "schedule",
        HEADER + "\n\ndef factor(progress):\n    return 2 * progress\n",
        "must be in [0, 1], got 0 to 2",
    ),
    "never at the peak": (
        "schedule",
        HEADER + "\n\ndef factor(progress):\n    return 0.5\n",
        "must reach the peak",
    ),
    "a memory": (
        "schedule",
        HEADER + "SEEN = []\n\n\ndef factor(progress):\n    SEEN.append(1)\n"
        "    return 1 / len(SEEN)\n",
        "must depend on the progress alone",
    ),
    "an ascent": ("optimizer", optimizer("lr=lr, maximize=True"), "must descend"),
    "no weight decay": (
        "optimizer",
        optimizer("lr=lr", knobs="lr: Positive = 0.1, weight_decay: NonNegative = 0.0"),
        "weight_decay must shrink a weight",
    ),
    "an undocumented knob": (
        "optimizer",
        optimizer("lr=lr").replace("lr: Length", "rate: Length"),
        "describe lr under Args in the docstring",
    ),
}


@pytest.mark.parametrize("group", GOOD)
def test_a_file_that_keeps_the_contract_has_no_problem(tmp_path, capsys, group):
    path = tmp_path / "mine.py"
    path.write_text(GOOD[group])
    status = main([f"{group}={path}"])
    assert (status, capsys.readouterr().out) == (0, f"{group}={path}: no problem found.\n")


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_breaks_it_is_reported_with_the_reason(tmp_path, capsys, case):
    group, text, message = BROKEN[case]
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert main([f"{group}={path}"]) == 1
    assert message in capsys.readouterr().out.replace("\n", " ")


def test_all_problems_of_all_files_are_reported_at_once(tmp_path, capsys):
    for group, case in (("method", "a sum"), ("model", "probabilities")):
        (tmp_path / f"{group}.py").write_text(BROKEN[case][1])
    words = [f"{group}={tmp_path / group}.py" for group in ("method", "model")]
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "method: outer: must be a mean over images" in out
    assert "model: build: returns probabilities" in out


def test_a_parameter_without_a_range_and_a_missing_docstring_are_reported_together(
    tmp_path, capsys
):
    text = outer(f"return {CE})").replace(HEADER, "").replace("y):", "y, *, beta=2.0):")
    (tmp_path / "mine.py").write_text(text)
    assert main([f"method={tmp_path / 'mine.py'}"]) == 1
    out = capsys.readouterr().out
    assert "method.beta: outer() in" in out
    assert "must begin with one sentence" in out


def test_a_network_is_checked_on_the_images_of_data(tmp_path, capsys):
    (tmp_path / "net.py").write_text(
        network("return self.last(x.flatten(1))", init="self.last = nn.Linear(16, classes)")
    )
    (tmp_path / "data.py").write_text(dataset())
    assert main([f"model={tmp_path / 'net.py'}"]) == 1
    assert main([f"model={tmp_path / 'net.py'}", f"data={tmp_path / 'data.py'}"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["method.beta=3"], "method: needs a name"),
        (["trials=3"], "trials: no such key"),
        (["method=./nowhere.py"], "no file"),
    ],
)
def test_a_wrong_command_is_refused(words, message, capsys):
    assert main(words) != 0
    captured = capsys.readouterr()
    assert message in captured.out + captured.err
