"""Compare normalisations of the images of a network that does not say which it was trained with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch.nn import Module

from trainables.data_pipeline.images import Dataset, Images
from trainables.data_pipeline.test_split import measure_pixels
from trainables.evaluation.attempt import correct_mask

N_MEASURED = 200
"""Images on which normalisations are compared."""


@dataclass(frozen=True)
class NormalizationComparison:
    """Clean accuracy of a network under several normalisations of its images.

    Attributes:
        correct: Number of images that are classified correctly, by the value of `model.normalize`.
        number: Number of images.
    """

    correct: Mapping[str, int]
    number: int

    @property
    def best(self) -> str | None:
        """The best, if its 95 % confidence interval is above all others; else `None`."""
        *others, best = sorted(self.correct, key=self.correct.__getitem__)
        low, _ = self.interval(best)
        return best if all(self.interval(each)[1] < low for each in others) else None

    def interval(self, choice: str) -> tuple[float, float]:
        """Return the 95 % Wilson score interval of an accuracy."""
        from scipy.stats import binomtest  # noqa: PLC0415  # half a second to import

        interval = binomtest(self.correct[choice], self.number).proportion_ci(method="wilson")
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        """Return the accuracies in words."""
        measured = " and ".join(
            f"{100 * correct / self.number:.1f} % with model.normalize={choice}"
            for choice, correct in self.correct.items()
        )
        return f"clean accuracy is {measured}, on {self.number} images"


def list_normalizations(data: Dataset) -> tuple[str, str]:
    """Return the values of `model.normalize` that networks of a data set are trained with.

    For data that this project does not normalise, such as MNIST, others often use the mean and the
    deviation of the training images.
    """
    if data.image_format.is_normalized:
        return "data", "none"
    mean, std = measure_pixels(data.train)
    return "none", ",".join(f"{number:.4g}" for number in (*mean, *std))


def compare_normalizations(
    build: Callable[[str], Module], images: Images, choices: Sequence[str]
) -> NormalizationComparison:
    """Return the clean accuracy under each of several normalisations.

    Args:
        build: Returns the network for a value of `model.normalize`; in eval mode.
        images: Images; the network is moved to their device.
        choices: Values of `model.normalize`.
    """
    correct = {
        choice: int(correct_mask(build(choice).to(images.y.device), images, N_MEASURED).sum())
        for choice in choices
    }
    return NormalizationComparison(correct, len(images))
