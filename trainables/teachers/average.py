"""The average of the trial's own weights (Tarvainen and Valpola, 2017, arXiv:1703.01780).

It is that of the group `average`, so that it needs no further copy of the weights. Before the first
step it is the network itself.
"""

from collections.abc import Iterator, Mapping

from trainables.networks.averaging import Average
from trainables.networks.teacher import Teacher


def build(*, average: Average) -> Teacher:
    """Return the teacher."""
    return Teacher(find_network=average.evaluation_model)


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if there is no average."""
    if config["average"].get("name") == "none":
        yield "teacher: average is that of the trial's weights, and there is none; add average=ema."
