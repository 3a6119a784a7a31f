"""The groups that a configuration consists of, and the functions of each.

Data flows from the top of the table to the bottom.
"""

from trainables import threat
from trainables.data_pipeline import batches, extra_images
from trainables.hparams.group import Group
from trainables.networks import activations, heads, normalize
from trainables.robustness import overfitting_detector, validation_attack
from trainables.scheduling import locate_period, scale_lr, split_parameters, warmup_factor

GROUPS = {
    "threat": Group("which perturbations count as adversarial", "trainables.threats", ("build",)),
    "data": Group(
        "images, their validation split and augmentation",
        "trainables.data",
        ("load",),
        (
            batches.split_validation,
            extra_images.read_extra,
            batches.iterate_batches,
            batches.augment,
            batches.apply_mixup,
        ),
    ),
    "model": Group(
        "the network",
        "trainables.models",
        ("build",),
        (activations.with_activation, heads.with_head, normalize.with_normalization),
    ),
    "method": Group("what attack and training optimise", "trainables.methods", ("inner", "outer")),
    "criterion": Group("the loss of an example", "trainables.criteria", ("loss",)),
    "attack": Group("the training attack", "trainables.attacks", ("perturb",)),
    "update": Group("how a batch changes the weights", "trainables.updates", ("update",)),
    "optimizer": Group(
        "the optimizer", "trainables.optimizers", ("build",), (scale_lr, split_parameters)
    ),
    "schedule": Group(
        "the learning rate over the run",
        "trainables.schedules",
        ("factor",),
        (warmup_factor,),
    ),
    "eps_schedule": Group(
        "the training radius over the run",
        "trainables.eps_schedules",
        ("factor",),
        (warmup_factor, threat.shrink_eps, threat.schedule_progress),
    ),
    "periods": Group("when both schedules restart", None, (), (locate_period,)),
    "average": Group(
        "which weights are validated and saved", "trainables.averages", ("build",), default="none"
    ),
    "sentinel": Group(
        "when catastrophic overfitting ends a trial",
        None,
        (),
        (overfitting_detector.select_images, overfitting_detector.detect_collapse),
    ),
    "exam": Group(
        "the validation attack, the same for all trials",
        None,
        (),
        (validation_attack.measure_accuracies,),
    ),
}
