"""One-step methods at radii from 1/255 to 16/255: GradAlign's Figure 1 (arXiv:2007.02617).

Lambda is theirs for CIFAR-10, 0.02 * 10^(255 eps / 8), and so are the peaks of the learning rate:
0.3 with GradAlign, 0.2 without, 0.04 for Free. PGD starts at the image, with 2 steps of eps/2 or 10
of eps/5. Only the accuracies at 8/255 under AutoAttack are published as numbers.
"""

from search_spaces.tables._published import Layer

RECIPE = "grad_align"
SCHEDULER = "none"
RADII = range(1, 17)
PUBLISHED_ACCURACIES = {"FGSM-RS, 8/255": "42.80 ± 0.58", "FGSM + GradAlign, 8/255": "44.54 ± 0.24"}


def build_method_layers(eps: float) -> dict[str, Layer]:
    """Return the ways to train at a radius."""
    one_step: Layer = {"method": {"name": "pgd_at"}, "optimizer": {"lr": 0.2}}
    return {
        "FGSM": one_step | {"attack": {"name": "fgsm"}},
        "FGSM-RS": one_step | {"attack": {"name": "fgsm_rs"}},
        "FGSM + GradAlign": {
            "method": {"name": "grad_align", "weight": compute_grad_align_weight(eps)}
        },
        "PGD-2": one_step | {"attack": build_pgd(2, eps)},
        "PGD-10": one_step | {"attack": build_pgd(10, eps)},
        "Free-8": {
            "method": {"name": "pgd_at"},
            "optimizer": {"lr": 0.04},
            "update": {"name": "free", "replays": 8, "at_range": "project"},
        },
    }


def compute_grad_align_weight(eps: float) -> float:
    """Return lambda at a radius."""
    return float(0.02 * 10 ** (255 * eps / 8))


def build_pgd(steps: int, eps: float) -> dict[str, object]:
    """Return their PGD, whose steps add up to twice the radius, or to it once if there are two."""
    size = eps / 2 if steps == 2 else 2 * eps / steps
    return {"name": "pgd", "steps": steps, "step_size": size, "start": "zero"}


def space() -> Layer:
    """Return what all share: networks may collapse, for that is what the figure shows."""
    return {"sentinel": {"every": 0}}


def variants() -> dict[str, Layer]:
    """Return six ways to train at sixteen radii."""
    return {
        f"{name}, {grey}/255": layer | {"threat": {"name": "linf", "eps": grey / 255}}
        for grey in RADII
        for name, layer in build_method_layers(grey / 255).items()
    }


def published() -> dict[str, dict[str, str]]:
    """Return AutoAttack's accuracy, in percent."""
    return {label: {"aa_acc": number} for label, number in PUBLISHED_ACCURACIES.items()}
