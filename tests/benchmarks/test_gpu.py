"""The benchmark for GPUs, at its smallest size on the CPU; and its numbers, worked out by hand."""

import argparse
import json
import math
import sys
from dataclasses import replace

import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import packing
from benchmarks.gpu.attempts import attempt
from benchmarks.gpu.contenders import PLAIN, TORCHATTACKS, Builders, ours
from benchmarks.gpu.device import TORCH_DEFAULTS, KernelSettings, find_peak_flops
from benchmarks.gpu.epochs import compare
from benchmarks.gpu.flops import count_flops
from benchmarks.gpu.plain_loops import PLAIN_STEPS, PlainTraining
from benchmarks.gpu.profiling import Kernel, list_top_kernels, measure_busy_seconds
from benchmarks.gpu.sections import Part, list_parts, select_parts
from benchmarks.gpu.settings import FULL, TINY, Deadline
from benchmarks.gpu.step_times import (
    Contender,
    compute_utilization,
    describe,
    measure,
)
from benchmarks.gpu.table import format_results
from benchmarks.gpu.targets import TARGETS
from benchmarks.gpu.trials import EPS, make_images

PARTS = {part.label: part for part in list_parts(TINY)}
SECONDS = 300.0


@pytest.fixture(autouse=True)
def _restored_kernels():
    before = KernelSettings.read()
    yield
    before.apply()


def run(label):
    found = {}
    part = PARTS[label]
    part.measure(TINY, part.name, Deadline(SECONDS), found.__setitem__)
    json.dumps(found)
    return found


def errors(values, path=()):
    """Return the path of each error, but for a package that is optional."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from errors(value, (*path, key))
        elif key == "error" and "torchattacks" not in value:
            yield ".".join(path), value


def test_all_contenders_of_a_step_are_measured():
    rows = run("steps:small_cnn")["PGD-AT"]
    assert not list(errors(rows))
    names = {ours(p, graphs=g) for p in ("auto", "bf16", "tf32", "fp32") for g in (True, False)}
    assert rows.keys() == names | {PLAIN, "plain loop, tuned", TORCHATTACKS}
    assert rows[PLAIN]["ratio"] == 1
    assert [rows[ours(p)]["precision"] for p in ("auto", "tf32", "bf16")] == [
        "fp32",
        "tf32",
        "bf16",
    ]
    assert all(row["ms"] > 0 for name, row in rows.items() if name != TORCHATTACKS)


def test_all_methods_are_measured():
    found = run("methods")
    assert found.keys() == PLAIN_STEPS.keys() - {"PGD-AT"}
    assert all(row["ms"] > 0 for rows in found.values() for row in rows.values())


@pytest.mark.parametrize("label", ["profile", "memory", "floor", "epoch", "autoattack"])
def test_a_section_runs(label):
    found = run(label)
    assert found
    assert not list(errors(found))


def test_an_epoch_is_exact_on_the_cpu():
    found = run("exactness")
    assert not list(errors(found))
    assert found["resume, deterministic"]["identical"]
    assert found["graphs, default"]["nothing changed"]["identical"]


def test_both_sizes_have_the_same_sections():
    assert [part.label for part in list_parts(FULL)][:3] == [f"steps:{n}" for n in FULL.networks]
    assert {part.section for part in list_parts(FULL)} == {part.section for part in PARTS.values()}


@pytest.mark.parametrize("method", PLAIN_STEPS)
def test_a_plain_loop_changes_the_weights(method):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3), torch.nn.Tanh())
    x, y = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 2, 0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []

    def forward(images):
        seen.append(images.detach())
        return model(images)

    before = model[1].weight.clone()
    PLAIN_STEPS[method](PlainTraining(model, optimizer, forward, x, y, 3))()
    assert not torch.equal(before, model[1].weight)
    # PGD: 3 passes and that of the update; TRADES: two each, and a clean pass in the update
    counts = {"PGD-AT": 4, "TRADES": 9, "FGSM-RS": 2, "GradAlign": 3, "Free": 1}
    assert len(seen) == counts[method]
    tolerance = 1e-3 if method == "TRADES" else 1e-6  # it starts at 0.001 N(0, 1), four deviations
    assert max((images - x).abs().max() for images in seen) <= EPS + 4 * tolerance


def test_made_up_images_have_each_class_equally_often():
    pixels, labels = make_images((3, 8, 8), 20)
    assert pixels.shape == (20, 8, 8, 3)
    assert sorted(labels) == sorted([*range(10)] * 2)


def test_kernels_are_restored():
    changed = TORCH_DEFAULTS._replace(matmul="high", benchmark=True, tf32=False)
    changed.apply()
    assert KernelSettings.read() == changed
    TORCH_DEFAULTS.apply()
    assert KernelSettings.read() == TORCH_DEFAULTS


def test_operations_of_a_convolution():
    """2 images of 8x8, 8 channels of 3x3x3 weights: 2 * 64 * 8 * 27 products, each with a sum."""
    forward = 2 * (2 * 64 * 8 * 27)
    conv = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1))
    x = torch.rand(2, 3, 8, 8)
    assert count_flops(conv, x, of_images=True) == 2 * forward
    assert count_flops(conv, x, of_images=False) == 2 * forward  # images need no gradient


def test_utilization_of_a_convolution():
    """110,592 operations in 1 ms are 110.592 million a second, of a peak of 1,105.92 million."""
    assert compute_utilization(110_592, 1e-3, 1_105.92e6) == 0.1


@pytest.mark.parametrize(
    ("name", "bf16"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
    ],
)
def test_peaks(name, bf16):
    assert find_peak_flops(name)[0] == bf16
    assert find_peak_flops("NVIDIA T4") is None


def test_milliseconds_and_ratios_by_hand():
    """Calls of 4 steps: medians 8 / 4 = 2 s; ratios 1/2, 1/4 and 1/2 round by round."""
    contender = Contender(lambda: None, 3 * 2**20, [8.0, 4.0, 10.0])
    row = describe(contender, [16.0, 16.0, 20.0], FULL)
    assert (row["ms"], row["ratio"], row["images_per_second"]) == (2000, 0.5, 64)
    assert row["peak_mib"] == 3
    # one that is slow has one round only
    assert describe(Contender(lambda: None, 0, [40.0]), [10.0, 1.0], FULL)["ratio"] == 4


def test_a_contender_that_fails_does_not_take_others_with_it():
    def fail():
        raise RuntimeError("no memory\nand more")

    calls = []
    builders: Builders = {PLAIN: lambda: lambda: calls.append(1), "other": fail}
    rows = measure(builders, TINY, Deadline(SECONDS))
    assert rows["other"] == {"error": "RuntimeError: no memory"}
    assert len(calls) == TINY.warm_up_calls + TINY.rounds
    assert rows[PLAIN]["ratio"] == 1


def test_a_slow_contender_is_timed_once():
    rows = measure({PLAIN: lambda: lambda: None}, replace(TINY, slow_call_seconds=0), Deadline(9))
    assert len(rows[PLAIN]["rounds_ms"]) == 1


def test_without_time_nothing_is_built():
    rows = measure({PLAIN: lambda: pytest.fail("built")}, TINY, Deadline(-1))
    assert rows == {PLAIN: {"error": "out of time"}}


def test_a_missing_package_is_named():
    def load():
        raise ModuleNotFoundError("No module named 'x'", name="x")

    assert attempt(load, Deadline(9)) == {"error": "x is not installed"}


def test_overlapping_kernels_count_once():
    """[0, 2] and [1, 3] are 3 s, [1, 1.5] is within; [5, 6] is 1 s."""
    assert measure_busy_seconds([(5, 6), (0, 2), (1, 3), (1, 1.5)]) == 4
    assert measure_busy_seconds([]) == 0


def test_top_kernels_are_summed_by_name():
    kernels = [Kernel("a", 0, 1), Kernel("b", 1, 4), Kernel("a", 4, 5), Kernel("c", 5, 6)]
    rows = list_top_kernels(kernels)
    assert [row["kernel"] for row in rows] == ["b", "a", "c"]
    assert [round(row["share"], 3) for row in rows] == [0.5, 0.333, 0.167]
    assert rows[0]["ms_per_step"] == 3000 / 8


def test_differences_of_epochs():
    one, other = (1.5, torch.tensor([1.0, 2.0])), (1.25, torch.tensor([1.0, 2.5]))
    assert compare(one, other) == {
        "max_weight_difference": 0.5,
        "loss_difference": 0.25,
        "identical": False,
    }
    assert compare(one, one)["identical"]


STEPS = {
    "steps": {
        "preact_resnet18": {
            "PGD-AT": {PLAIN: {"ms": 100.0}, ours(): {"ms": 20.0}, TORCHATTACKS: {"ms": 50.0}}
        },
        "wrn_28_10": {"PGD-AT": {PLAIN: {"ms": 400.0}, ours(): {"ms": 100.0}}},
    },
    "profile": {"graphs": {"share_in_kernels": 0.95}},
    "memory": {"preact_resnet18": {"ratio": 1.2}, "wrn_28_10": {"ratio": 1.4}},
    "packing": {
        "without MPS": {"1": 0.5, "2": 0.8, "4": 1.0},
        "with MPS": {"1": 0.5, "2": 1.0, "4": 1.25},
        "chosen": {"trials": 3},
    },
    "autoattack": {
        "256 images": {"ratio": 0.7, "different_verdicts": 0},
        "1000 images": {"ratio": 0.4, "different_verdicts": 2},
    },
    "exactness": {"resume, deterministic": {"identical": True}},
}


def test_targets_by_hand():
    found = {target.text: target.check(STEPS) for target in TARGETS}
    assert found == {
        "step of preact_resnet18, default / plain loop": (0.2, "met"),
        "step of preact_resnet18, default / torchattacks": (0.4, "not met"),
        "step of wrn_28_10, default / plain loop": (0.25, "not met"),
        "step of wrn_28_10, default / torchattacks": (None, "not measured"),
        "step of small_cnn, default / plain loop": (None, "not measured"),
        "step of small_cnn, default / torchattacks": (None, "not measured"),
        "share of the time in which kernels run": (0.95, "met"),
        "peak memory, default / plain loop": (1.4, "not met"),
        # of 3 trials the 2 that were measured, with MPS: 1.0 of 1.25
        "throughput of the chosen packing / best": (0.8, "not met"),
        "AutoAttack, ours / pyautoattack": (0.4, "met"),
        "AutoAttack, images with different verdicts": (2.0, "not met"),
        "resume with deterministic=true is exact": (1.0, "met"),
    }


@pytest.mark.parametrize("results", [{}, {"memory": {"error": "out of time"}, "packing": {}}])
def test_what_failed_is_not_measured(results):
    assert {target.check(results)[1] for target in TARGETS} == {"not measured"}


def test_the_table_has_contenders_errors_and_targets():
    text = format_results({
        "about": {"device": "cpu"},
        "steps": {"net": {PLAIN: {"ms": 12.3456, "ratio": 1.0}, "other": {"error": "no memory"}}},
        "packing": {"chosen": {"line": "gpu: 4", "trials": 4}},
    })
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert {"plain loop 12.35 1 - - - -", "other no memory", "trials 4"} <= lines
    assert any(line.endswith("not measured") for line in lines)


@pytest.mark.parametrize(
    ("output", "trials"),
    [
        ("gpu: 4 trials share one (gpu=0.25); a trial needs up to 1 GB.", 4),
        ("Checking ...\ngpu: a trial takes one (gpu=1); 2 train 1.02 times as fast.", 1),
        ("gpu: a trial needs up to 1 GB of 8 GB, so that 3 share a GPU (gpu=0.3333).", 3),
        ("caution: gpu: its memory cannot be probed; each trial takes one.", None),
    ],
)
def test_what_a_search_chooses_is_read_from_its_output(output, trials):
    assert packing.describe_choice(output)["trials"] == trials


@pytest.mark.slow
def test_packings_are_measured_in_processes():
    found = packing.measure_rates(TINY, Deadline(SECONDS), with_mps=False)
    assert found.keys() == {"1", "2"}
    assert all(rate > 0 for rate in found.values())


@pytest.mark.slow
def test_a_dry_search_accepts_the_arguments(tmp_path):
    settings = replace(TINY, epoch_images=200, validation_images=20)
    (network,) = TINY.networks.values()
    output = packing.run_dry_search(settings, network, tmp_path, SECONDS)
    assert "Cost of a trial on this machine" in output


def test_mps_is_not_started_where_there_is_none(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    found = packing.measure_rates(TINY, Deadline(SECONDS), with_mps=True)
    assert found == {"error": "nvidia-cuda-mps-control is not installed"}


@pytest.mark.parametrize("is_on", [True, False])
def test_processes_get_a_separate_mps_daemon_or_none(is_on, monkeypatch):
    requests = []
    monkeypatch.setattr(
        packing, "control_mps", lambda *o, request="": requests.append((o, request))
    )
    monkeypatch.setenv(packing.PIPE_VARIABLE, "/before")
    with packing.mps_environment(is_on=is_on):
        assert packing.os.environ[packing.PIPE_VARIABLE] != "/before"
    assert packing.os.environ[packing.PIPE_VARIABLE] == "/before"
    assert requests == ([(("-d",), ""), ((), "quit")] if is_on else [])


def test_sections_are_selected_by_name_or_part():
    parts = list_parts(FULL)
    assert select_parts(parts, []) == parts
    labels = [part.label for part in select_parts(parts, ["floor", "steps:wrn_28_10"])]
    assert labels == ["steps:wrn_28_10", "floor"]
    with pytest.raises(ValueError, match=r"no section \['flor'\]; there are autoattack, .*floor"):
        select_parts(parts, ["flor"])


def fake_part(label, seconds=100.0, measure=None):
    section, _, name = label.partition(":")
    return Part(section=section, name=name, seconds=seconds, measure=measure)


def test_parts_share_the_time_that_is_left():
    given = []

    def run_part(part, options):
        given.append(options.seconds)
        return {"value": part.label}

    options = argparse.Namespace(device="cpu", seconds=60.0)
    parts = [fake_part("steps:a", 20), fake_part("steps:b", 90), fake_part("floor", 1)]
    results = command.run_parts(parts, options, run_part)
    assert given[0] == 20
    assert given[1] == pytest.approx(60 - command.STARTUP_SECONDS, abs=5)
    assert results["steps"] == {"a": {"value": "steps:a"}, "b": {"value": "steps:b"}}
    assert results["about"]["seconds"].keys() == {"steps:a", "steps:b", "floor"}
    assert results["floor"] == {"error": "out of time"}  # too little for any part


def test_a_part_that_fails_keeps_what_it_has_measured(tmp_path):
    def fail(settings, name, deadline, keep):
        keep("one", 1)
        assert math.isclose(deadline.seconds_left(), 50, abs_tol=5)
        raise RuntimeError("device lost")

    command.measure_part(fake_part("x", measure=fail), TINY, 50, tmp_path / "part.json")
    found = json.loads((tmp_path / "part.json").read_text())
    assert found == {"one": 1, "error": "RuntimeError: device lost"}


def test_a_process_that_takes_too_long_is_ended():
    words = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = command.subprocess.Popen(words, start_new_session=True)
    assert command.wait_or_end(process, 0.5) is None
    assert process.returncode


def test_the_command_runs_a_part_in_a_process_and_writes_json(tmp_path, capsys):
    path = tmp_path / "results.json"
    words = ["--device", "cpu", "--sections", "epoch", "--json", str(path)]
    assert command.main(words) == 0
    results = json.loads(path.read_text())
    assert results["about"]["device"] == "cpu"
    assert results["epoch"]["epochs"][0]["training_seconds"] > 0
    assert "targets" in capsys.readouterr().out


def test_an_unknown_section_is_refused(capsys):
    assert command.main(["--sections", "none"]) == 2
    assert "no section ['none']" in capsys.readouterr().err
