"""Build the teacher of a trial, from weights on disk or with new ones."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from trainables.binding import bind_member, bound_model, check_member
from trainables.bound_components import BoundModel, BoundTeacher
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.errors import InputError
from trainables.injection import inject
from trainables.networks.averaging import Average
from trainables.networks.teacher import Teacher
from trainables.step_context import TeacherContext
from trainables.training.foreign_weights import load_foreign_weights
from trainables.training.network import build_network
from trainables.training.weights import read_metadata


def build_teacher(
    teacher: BoundTeacher,
    model: BoundModel,
    images: ImageFormat,
    average: Average,
    prepare: Callable[[nn.Module], nn.Module],
) -> Teacher | None:
    """Return the teacher of a trial; `None`: it has none.

    Args:
        teacher: The teacher with its knobs set.
        model: The network in training with its knobs set.
        images: Format of the images.
        average: Average of the trial's weights.
        prepare: Moves a network to the device of the trial and sets its precision.

    Raises:
        InputError: If the weights cannot be read or are of another network.
    """

    def build(name: str | None) -> nn.Module:
        return prepare(build_network(find_model(name, model), images))

    def load(file: str, name: str | None) -> nn.Module:
        return prepare(load_teacher(Path(file), name, model, images))

    context = TeacherContext(average=average, build_network=build, load_network=load)
    return inject(teacher.build, context)()


def load_teacher(file: Path, name: str | None, model: BoundModel, images: ImageFormat) -> nn.Module:
    """Return the network of a file, on the CPU.

    Args:
        file: Weights of this project or of others.
        name: Name of the network; `None`: the one that the file describes, or else `model`.
        model: The network in training with its knobs set.
        images: Format of the images.

    Raises:
        InputError: If the weights cannot be read or are of another network.
    """
    try:
        described = read_metadata(file) if file.suffix == ".safetensors" else {}
        values = dict(described.get("model", {}))
        if values and name in (None, values["name"]):
            bound = bind_model(str(values.pop("name", "")), values)
        else:
            bound = find_model(name, model)
        network = build_network(bound, images)
        load_foreign_weights(file, network)
    except InputError as error:
        texts = [problem.replace("weights:", "teacher.weights:", 1) for problem in error.problems]
        raise InputError(texts) from None
    return network


def find_model(name: str | None, default: BoundModel) -> BoundModel:
    """Return the network of a name with its defaults; `None`: `default`."""
    return default if name is None else bind_model(name, {})


def bind_model(name: str, values: dict[str, object]) -> BoundModel:
    """Return a network with its knobs set.

    Raises:
        InputError: If there is no such network, or a value is wrong.
    """
    if problems := list(check_member("model", GROUPS["model"], name, values)):
        raise InputError([f"teacher.{problem}" for problem in problems])
    return bound_model(bind_member(GROUPS["model"], name, values))
