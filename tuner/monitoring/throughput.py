"""How many training images a study processes in a second."""

from tuner.state.study import StudyProgress
from tuner.state.trial import Record


def measure_images_per_second(progress: StudyProgress) -> float | None:
    """Return the training images a second of all running trials together.

    An epoch counts each image of the training split once, and its time includes the validation. A
    trial in its first epoch counts as if its epochs took as long as those of the others.

    Args:
        progress: The study.

    Returns:
        `None`: no epoch has been reported, or the images were not counted.
    """
    running = progress.running_trials
    rates = [rate for record in running if (rate := trial_rate(record, progress)) is not None]
    if not rates:
        return None
    return sum(rates) * len(running) / len(rates)


def trial_rate(record: Record, progress: StudyProgress) -> float | None:
    """Return the training images a second of a trial in its last epoch; `None`: unknown."""
    images = progress.train_images.get(str(record.knobs.get("variant", "")))
    last = record.last_report
    if not images or last is None or not last.seconds:
        return None
    return images / last.seconds
