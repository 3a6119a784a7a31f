"""From a row of periodic adversarial scheduling's Table 1 (arXiv:2006.08403) to a configuration."""

from search_spaces._published import Functions, Layer, Row, functions, rows

PEAKS = {"MNIST": {"linear": 2.0, "cosine": 1.5}, "CIFAR-10": {"linear": 2.0, "cosine": 2.0}}
"""Where the curve of eps would end, as a multiple of the target; beyond it is the plateau."""
NETWORKS: dict[str, dict[str, object]] = {
    "LeNet": {"name": "lenet"},
    "VGG": {"name": "vgg16", "width": 32},
    "ResNet18": {"name": "resnet18", "width": 32},
}
RESETS = {"none": [], "periodic": [100 / 200, 150 / 200]}


def table(data: str) -> Functions:
    """Return the functions of the space that is one data set's part of the table."""
    networks = ["LeNet"] if data == "MNIST" else ["VGG", "ResNet18"]
    some = [row for row in rows("pas", "Table 1") if row.architecture in networks]
    return functions(some, lambda row: layer(row, data))


def layer(row: Row, data: str) -> Layer:
    """Return the configuration of a row."""
    name, resets = row.setting["eps_schedule"], row.setting["lr_resets"]
    peak = {"peak": PEAKS[data][name]} if name in PEAKS[data] else {}
    return {
        "model": NETWORKS[row.architecture],
        "eps_schedule": {"name": name, "steps_follow": True, **peak},
        "periods": {"resets": RESETS[resets]},
        "average": {"name": "ensemble" if resets == "periodic" else "none"},
    }
