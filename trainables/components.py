"""The groups that a configuration consists of, and the functions of each.

Data flows from the top of the table to the bottom. Functions are named, not imported, so that
`--help` and the check of a command line need no PyTorch.
"""

from trainables.hparams.group import Group

GROUPS = {
    "threat": Group("which perturbations count as adversarial", "trainables.threats", ("build",)),
    "data": Group(
        "images, their validation split and augmentation",
        "trainables.data",
        ("load",),
        (
            "trainables.data_pipeline.batches.split_validation",
            "trainables.data_pipeline.extra_images.read_extra",
            "trainables.data_pipeline.batches.iterate_batches",
            "trainables.data_pipeline.policies.apply_policy",
            "trainables.data_pipeline.batches.augment",
            "trainables.data_pipeline.mixing.apply_mixup",
        ),
    ),
    "model": Group(
        "the network",
        "trainables.models",
        ("build",),
        (
            "trainables.networks.activations.with_activation",
            "trainables.networks.heads.with_head",
            "trainables.networks.normalize.with_normalization",
        ),
    ),
    "method": Group("what attack and training optimise", "trainables.methods", ("inner", "outer")),
    "criterion": Group("the loss of an example", "trainables.criteria", ("loss",)),
    "attack": Group("the training attack", "trainables.attacks", ("perturb",)),
    "update": Group("how a batch changes the weights", "trainables.updates", ("update",)),
    "optimizer": Group(
        "the optimizer",
        "trainables.optimizers",
        ("build",),
        ("trainables.scheduling.scale_lr", "trainables.scheduling.split_parameters"),
    ),
    "schedule": Group(
        "the learning rate over the run",
        "trainables.schedules",
        ("factor",),
        ("trainables.scheduling.warmup_factor",),
    ),
    "eps_schedule": Group(
        "the training radius over the run",
        "trainables.eps_schedules",
        ("factor",),
        (
            "trainables.scheduling.warmup_factor",
            "trainables.threat.shrink_eps",
            "trainables.threat.schedule_progress",
        ),
    ),
    "periods": Group(
        "when both schedules restart", None, (), ("trainables.scheduling.locate_period",)
    ),
    "average": Group(
        "which weights are validated and saved", "trainables.averages", ("build",), default="none"
    ),
    "teacher": Group(
        "a second network that the method learns from",
        "trainables.teachers",
        ("build",),
        default="none",
    ),
    "sentinel": Group(
        "when catastrophic overfitting ends a trial",
        None,
        (),
        (
            "trainables.robustness.overfitting_detector.select_images",
            "trainables.robustness.overfitting_detector.detect_collapse",
        ),
    ),
    "exam": Group(
        "the validation attack, the same for all trials",
        None,
        (),
        ("trainables.robustness.validation_attack.measure_accuracies",),
    ),
}


def suggest_group(member: str) -> str:
    """Return a hint to the groups that have a member of this name, or an empty string."""
    matches = [f"{name}={member}" for name, group in GROUPS.items() if member in group.members()]
    return f" There is {' and '.join(matches)}." if matches else ""
