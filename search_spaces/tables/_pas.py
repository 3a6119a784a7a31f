"""From a row of periodic adversarial scheduling's Table 1 (arXiv:2006.08403) to a configuration."""

from search_spaces.tables._published import (
    Layer,
    PublishedRow,
    SpaceFunctions,
    build_space,
    list_rows,
)

EPS_PEAKS = {"MNIST": {"linear": 2.0, "cosine": 1.5}, "CIFAR-10": {"linear": 2.0, "cosine": 2.0}}
"""Where the curve of eps would end, as a multiple of the target; beyond it is the plateau."""
NETWORK_KNOBS: dict[str, dict[str, object]] = {
    "LeNet": {"name": "lenet"},
    "VGG": {"name": "vgg16", "width": 32},
    "ResNet18": {"name": "resnet18", "width": 32},
}
RESET_MILESTONES = {"none": [], "periodic": [100 / 200, 150 / 200]}


def build_table_space(data: str) -> SpaceFunctions:
    """Return the functions of the space that is one data set's part of the table."""
    networks = ["LeNet"] if data == "MNIST" else ["VGG", "ResNet18"]
    some = [row for row in list_rows("pas", "Table 1") if row.architecture in networks]
    return build_space(some, lambda row: build_layer(row, data))


def build_layer(row: PublishedRow, data: str) -> Layer:
    """Return the configuration of a row."""
    name, resets = row.setting["eps_schedule"], row.setting["lr_resets"]
    peak = {"peak": EPS_PEAKS[data][name]} if name in EPS_PEAKS[data] else {}
    return {
        "model": NETWORK_KNOBS[row.architecture],
        "eps_schedule": {"name": name, "steps_follow": True, "every": "epoch", **peak},
        "periods": {"resets": RESET_MILESTONES[resets]},
        "average": {"name": "ensemble" if resets == "periodic" else "none"},
    }
