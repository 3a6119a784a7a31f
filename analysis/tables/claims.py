"""The conclusions of papers from their tables: two cells, and which of them is better."""

from dataclasses import dataclass
from typing import Literal

Relation = Literal["above", "alike", "not above"]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A conclusion of a paper.

    Attributes:
        statement: What it says, as a clause.
        location: The section or the table that it stands in.
        a: Parts of one cell's label, with commas between; enough to identify it.
        b: Parts of the other's.
        metric: What is measured, by its name in `metrics`.
        relation: Whether the first is said to be better than the second by more than the noise, as
            good, or not better.
    """

    statement: str
    location: str
    a: str
    b: str
    metric: str
    relation: Relation = "above"


BASE = "warmup_lr_epochs=0, warmup_eps_epochs=0, attack_early_stop=none"
EARLY_STOPPED = "warmup_lr_epochs=0, warmup_eps_epochs=0, attack_early_stop=40:70"
TABLE_2 = (
    Claim(statement="stopping the attack early raises clean accuracy", location="Section 3.1",
          a=EARLY_STOPPED,
          b=BASE, metric="clean_acc"),
    Claim(statement="stopping the attack early costs robust accuracy", location="Section 3.1",
          a=BASE,
          b=EARLY_STOPPED, metric="aa_acc"),
    *(
        Claim(statement=f"a warm-up of {what} over {epochs} epochs changes little",
              location="Section 3.1",
              a=f"warmup_{key}_epochs={epochs}", b=BASE, metric="aa_acc", relation="alike")
        for what, key in (("the learning rate", "lr"), ("eps", "eps"))
        for epochs in (10, 15, 20)
    ),
)  # fmt: skip
TABLE_3 = tuple(
    claim
    for network in ("ResNet-18", "WRN-34-10")
    for claim in (
        *(
            Claim(statement=f"batch size 128 beats {size} with {network} at the same learning rate",
                  location="Section 3.2", a=f"{network}, batch_size=128",
                  b=f"{network}, lr=0.1, batch_size={size}", metric="pgd10_acc")
            for size in (64, 256, 512)
        ),
        *(
            Claim(statement=f"scaling the learning rate with it helps batch size {size} "
                  f"with {network}",
                  location="Section 3.2", a=f"{network}, batch_size={size}, lr_rule=linear_scaled",
                  b=f"{network}, batch_size={size}, lr_rule=basic", metric="pgd10_acc")
            for size in (64, 256, 512)
        ),
    )
)  # fmt: skip
TABLE_4 = (
    *(
        Claim(statement=f"label smoothing {amount} beats none with {network}",
              location="Section 3.2",
              a=f"{network}, label_smoothing={amount}", b=f"{network}, label_smoothing=0",
              metric=metric)
        for network in ("ResNet-18", "WRN-34-10")
        for amount in ("0.1", "0.2", "0.3")
        for metric in ("pgd10_acc", "aa_acc")
    ),
    Claim(statement="label smoothing 0.3 beats 0.4, which is too much, with ResNet-18",
          location="Section 3.2", a="ResNet-18, label_smoothing=0.3",
          b="ResNet-18, label_smoothing=0.4", metric="aa_acc"),
)  # fmt: skip
TABLE_5 = (
    *(
        Claim(statement=f"SGD with momentum beats {name}", location="Table 5",
              a="optimizer=sgd_momentum",
              b=f"optimizer={name}", metric="aa_acc")
        for name in ("adam", "adamw")
    ),
    *(
        Claim(statement=f"{name} is as good as SGD with momentum", location="Table 5",
              a=f"optimizer={name}", b="optimizer=sgd_momentum", metric="aa_acc", relation="alike")
        for name in ("sgd_nesterov", "sgd_gc", "sgd_gcc")
    ),
)  # fmt: skip
TABLE_6 = (
    Claim(statement="softplus beats ReLU", location="Table 6", a="activation=softplus",
          b="activation=relu", metric="pgd10_acc"),
    *(
        Claim(statement=f"ReLU beats {name}", location="Table 6", a="activation=relu",
              b=f"activation={name}", metric="pgd10_acc")
        for name in ("elu", "celu", "selu", "gelu", "tanh")
    ),
)  # fmt: skip
NETWORKS = ("ResNet-18", "SENet-18", "DenseNet-121", "GoogLeNet", "DPN26", "WRN-34-10")
TABLE_7 = tuple(
    claim
    for network in NETWORKS
    for claim in (
        Claim(statement=f"eval-mode BatchNorm raises clean accuracy with {network}",
              location="Section 3.3", a=f"{network}, bn_mode=eval", b=f"{network}, bn_mode=train",
              metric="clean_acc"),
        Claim(statement=f"eval-mode BatchNorm leaves robust accuracy as it is with {network}",
              location="Section 3.3", a=f"{network}, bn_mode=eval", b=f"{network}, bn_mode=train",
              metric="aa_acc", relation="alike"),
    )
)  # fmt: skip
RELU = "activation=relu, bn_mode=train"
TABLE_8 = tuple(
    claim
    for network in ("WRN-34-10", "WRN-34-20")
    for claim in (
        *(
            Claim(statement=f"weight decay 5e-4 beats {decay} with {network}",
                  location="Section 3.2",
                  a=f"{network}, weight_decay=5e-4, {RELU}",
                  b=f"{network}, weight_decay={decay}, {RELU}", metric=metric)
            for decay in ("1e-4", "2e-4")
            for metric in ("pgd10_acc", "aa_acc")
        ),
        Claim(statement=f"weight decay 1e-4 costs no clean accuracy beside 5e-4 with {network}",
              location="Section 3.2", a=f"{network}, weight_decay=1e-4, {RELU}",
              b=f"{network}, weight_decay=5e-4, {RELU}", metric="clean_acc", relation="alike"),
        Claim(statement=f"softplus and label smoothing 0.1 beat neither with {network}",
              location="Table 8", a=f"{network}, activation=softplus, label_smoothing=0.1, "
              "bn_mode=train", b=f"{network}, weight_decay=5e-4, {RELU}", metric="aa_acc"),
    )
)  # fmt: skip
TABLE_9 = tuple(
    Claim(statement=f"weight decay 5e-4 beats 2e-4 for TRADES with {network} at 8/255 "
          f"in {mode} mode",
          location="Section 3.4", a=f"{network}, eps=8/255, weight_decay=5e-4, activation=relu, "
          f"bn_mode={mode}", b=f"{network}, eps=8/255, weight_decay=2e-4, bn_mode={mode}",
          metric=metric)
    for network, mode, metric in (
        ("WRN-34-20", "eval", "clean_acc"),
        *((network, mode, "aa_acc") for network in ("WRN-34-10", "WRN-34-20")
          for mode in ("train", "eval")),
    )
)  # fmt: skip
TABLE_12 = tuple(
    Claim(statement=f"softplus beats ReLU for TRADES in {mode} mode", location="Table 12",
          a=f"activation=softplus, bn_mode={mode}", b=f"activation=relu, bn_mode={mode}",
          metric="aa_acc")
    for mode in ("train", "eval")
)  # fmt: skip
DECAY = "optimizer.weight_decay"
FIGURE_1 = tuple(
    Claim(statement=f"weight decay 5e-4 beats {decay}", location="Figure 1 and Section 3.2",
          a=f"{DECAY}=0.0005", b=f"{DECAY}={shown}", metric="pgd10_acc")
    for decay, shown in (("1e-4", "0.0001"), ("2e-4", "0.0002"))
)  # fmt: skip
FIGURE_3 = tuple(
    Claim(statement=f"an early drop of the learning rate does not rescue weight decay {decay}",
          location="Figure 3", a=f"{DECAY}={shown}, schedule.drops=[0.364; 0.409]",
          b=f"{DECAY}={shown}, schedule.drops=[0.909; 0.955]", metric="pgd10_acc",
          relation="not above")
    for decay, shown in (("1e-4", "0.0001"), ("2e-4", "0.0002"))
)  # fmt: skip
FIGURE_4 = (
    Claim(statement="without attacks weight decay 1e-4 is as good as 5e-4", location="Figure 4",
          a=f"{DECAY}=0.0001", b=f"{DECAY}=0.0005", metric="clean_acc", relation="alike"),
)  # fmt: skip
PAS_MNIST = tuple(
    Claim(statement=f"a {name} schedule of eps beats a constant one", location="Table 1",
          a=f"eps_schedule={name}", b="eps_schedule=constant", metric=metric)
    for name in ("linear", "cosine")
    for metric in ("pgd100_err", "clean_err")
)  # fmt: skip
PAS_CIFAR = tuple(
    claim
    for network in ("VGG", "ResNet18")
    for claim in (
        *(
            Claim(statement=f"a {name} schedule of eps beats a constant one with {network}",
                  location="Table 1", a=f"{network}, eps_schedule={name}, lr_resets=none",
                  b=f"{network}, eps_schedule=constant, lr_resets=none", metric="pgd100_err")
            for name in ("linear", "cosine")
        ),
        *(
            Claim(statement=f"periods beat none with {network} and a {name} schedule of eps",
                  location="Table 1", a=f"{network}, eps_schedule={name}, lr_resets=periodic",
                  b=f"{network}, eps_schedule={name}, lr_resets=none", metric="pgd100_err")
            for name in ("constant", "linear", "cosine")
        ),
    )
)  # fmt: skip
HE_B = (
    Claim(statement="WRN-34-20 beats WRN-34-10", location="Table B", a="WRN-34-20", b="WRN-34-10",
          metric="aa_acc"),
)  # fmt: skip
HE_C = tuple(
    Claim(statement=f"hypersphere embedding costs {method} no time", location="Table C",
          a=f"{method}+HE", b=method, metric="train_minutes_per_epoch", relation="alike")
    for method in ("PGD-AT", "ALP", "TRADES")
)  # fmt: skip
GRADALIGN = (
    Claim(statement="GradAlign beats FGSM-RS at 8/255", location="rebuttal, line 12",
          a="FGSM + GradAlign, 8/255", b="FGSM-RS, 8/255", metric="aa_acc"),
    Claim(statement="GradAlign does not collapse at 16/255, where FGSM-RS does",
          location="rebuttal, lines 24 and 29", a="FGSM + GradAlign, 16/255", b="FGSM-RS, 16/255",
          metric="aa_acc"),
    *(
        Claim(statement=f"{good} does not collapse at 14/255, where {bad} does",
              location="rebuttal, line 29", a=f"{good}, 14/255",
              b=f"{bad}, 14/255", metric="aa_acc")
        for good in ("PGD-10", "FGSM + GradAlign")
        for bad in ("FGSM", "FGSM-RS", "PGD-2", "Free-8")
    ),
)  # fmt: skip
FASTAT = tuple(
    Claim(statement=statement, location="CIFAR-10", metric="aa_acc",
          a=f"{a}, label_smoothing=0.4, weight_average=true",
          b=f"{b}, label_smoothing=0.4, weight_average={averaged}")
    for statement, a, b, averaged in (
        ("averaged weights improve PGD-AT", "pgd_at_wa", "pgd_at", "false"),
        ("N-FGSM beats FGSM-RS", "n_fgsm", "fgsm_rs", "true"),
        ("NuAT beats N-FGSM", "nu_at", "n_fgsm", "true"),
    )
)  # fmt: skip
CLAIMS: dict[str, tuple[Claim, ...]] = {
    "bag_of_tricks_table2": TABLE_2,
    "bag_of_tricks_table3": TABLE_3,
    "bag_of_tricks_table4": TABLE_4,
    "bag_of_tricks_table5": TABLE_5,
    "bag_of_tricks_table6": TABLE_6,
    "bag_of_tricks_table7": TABLE_7,
    "bag_of_tricks_table8": TABLE_8,
    "bag_of_tricks_table9": TABLE_9,
    "bag_of_tricks_table12": TABLE_12,
    "bag_of_tricks_figure1": FIGURE_1,
    "bag_of_tricks_figure3": FIGURE_3,
    "bag_of_tricks_figure4": FIGURE_4,
    "pas_table1": PAS_CIFAR,
    "pas_table1_mnist": PAS_MNIST,
    "he_table_b": HE_B,
    "he_table_c": HE_C,
    "gradalign_figure1": GRADALIGN,
    "fastat_table": FASTAT,
}
"""By space. `tests/analysis/test_tables.py` holds every claim to the published numbers."""
