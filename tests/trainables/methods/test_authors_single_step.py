"""Three or six updates of single-step methods beside the code of their authors, in float64.

Each method is used with its companions: the attack, the update and the loss that it is published
with. Losses, weights, BatchNorm's running mean and what is kept between updates are compared.
"""

import pytest
import torch

from tests.trainables.formulas import wave
from tests.trainables.methods.single_step import EPS, Outcome, batches, train
from trainables.attacks import atas, prior_batch, prior_epoch, universal

ROUNDING = 1e-12
"""Numbers of order 1 in float64 after a few hundred operations."""
SUM = 1e-6
"""The update `alternate` adds losses in float32."""
DELTA, MOMENTUM, SHARED = prior_epoch.DELTA, prior_epoch.MOMENTUM, universal.SHARED


def corner():
    """Return perturbations of full size."""
    return EPS * wave(4, 3, 6, 6, rate=1.1, shift=0.4).sign()


def zeros():
    return torch.zeros(4, 3, 6, 6, dtype=torch.float64)


def check(found, losses, weights, mean, kept=()):
    theirs = Outcome(losses, weights, mean, dict(kept))
    assert found.losses == pytest.approx(theirs.losses, rel=0, abs=SUM)
    assert found.weights == pytest.approx(theirs.weights, rel=0, abs=ROUNDING)
    assert found.mean == pytest.approx(theirs.mean, rel=0, abs=ROUNDING)
    assert found.kept.keys() == theirs.kept.keys()
    for name, numbers in theirs.kept.items():
        assert found.kept[name] == pytest.approx(numbers, rel=0, abs=ROUNDING)


def test_gat():
    """val-iisc/GAMA-GAT, commit 6b69e89, CIFAR10/GAT_cifar10.py: epochs 84 to 86, lambda 10 and
    then 40.
    """
    found = train("gat", epoch=84, epochs=100)
    check(
        found,
        [2.826765217734071, 2.2849858463403225, 2.229778963760856],
        [0.014330021550505733, 0.39469184086700637, 0.0014868564701053036],
        [0.036852245911610466, 0.21223885357850591, -0.06174083140383841],
    )


def test_nuat():
    """val-iisc/NuAT, commit 8962290, CIFAR10/NuAT_cifar10.py: epochs 89 to 91, the end of the
    ramp.
    """
    found = train("nuat", epoch=89, epochs=100)
    check(
        found,
        [3.388177773691404, 2.4917066457749866, 3.833345739377706],
        [0.014050375351054575, 0.3937815822377077, 0.0013293104247909255],
        [0.03705478905826922, 0.2122752154679461, -0.06168577254498814],
    )


def test_fgsm_pgi():
    """jiaxiaojunQAQ/FGSM-PGI, commit fc15cfe, FGSM_MEP.py."""
    found = train("fgsm_pgi", memory={DELTA: corner(), MOMENTUM: zeros()}, kept=(DELTA, MOMENTUM))
    check(
        found,
        [2.7047251501158467, 2.4884558144348263, 3.09932045257205],
        [0.014152648421519164, 0.3939306227832727, 0.0016007013707431325],
        [0.026887416314507098, 0.15333372592438965, -0.04498337837349647],
        {
            DELTA: [1.7193154321106915e-05, 0.022040163823240998, -0.00016988035751680852],
            MOMENTUM: [-1.6062254407192657e-20, 0.0036909439601165396, 3.3358760450448544e-05],
        },
    )


def test_fgsm_pco():
    """HandingWangXDGroup/FGSM-PCO, commit 1424ba3, FGSM-PCO.py."""
    found = train("fgsm_pco", memory={DELTA: corner(), MOMENTUM: zeros()}, kept=(DELTA,))
    check(
        found,
        [2.6641939855043044, 2.4206208290315336, 2.674861780629756],
        [0.014297241959400877, 0.3944640785943893, 0.0015219204178781173],
        [0.03525972317400275, 0.20300909529451225, -0.05919259695783256],
        {DELTA: [-0.00021757992586524482, 0.021920177015744998, 5.506787431776693e-05]},
    )


def test_fgsm_mep_with_smooth_convergence():
    """FAT-CS/ConvergeSmooth, commit d94f6bc, FGSM_MEP_CS.py with a ratio of 2: the first epochs of
    a phase.
    """
    found = train(
        "fgsm_mep_cs",
        ratio=2.0,
        epochs=110,
        memory={DELTA: corner(), MOMENTUM: zeros()},
        kept=(DELTA, MOMENTUM),
    )
    check(
        found,
        [2.690672009224804, 0.035711412602117854, 5.401400919341647],
        [0.014247826837109793, 0.3945219488440276, 0.0015290036881605877],
        [0.03564256184602105, 0.20486654134583882, -0.05970271667641144],
        {
            DELTA: [-0.00041853669317344644, 0.022040163823240994, -0.00042533763434788837],
            MOMENTUM: [-3.2124508814385315e-20, 0.003688260956549143, 3.373730832413276e-05],
        },
    )


def test_tdat():
    """bookman233/TDAT, commit 1cf68b7, TDAT.py: the last three of ten epochs, where the relaxation
    reaches its floor.
    """
    found = train("tdat", epoch=7, memory={prior_batch.DELTA: corner()}, kept=(prior_batch.DELTA,))
    check(
        found,
        [2.5366720886752763, 2.500709024402053, 2.722866109124005],
        [0.014291818173220908, 0.39445537239098394, 0.0015662128052659824],
        [0.02609253382554403, 0.14860064142639154, -0.04381600907909576],
        {prior_batch.DELTA: [-0.0002380183945997178, 0.019966343786393122, 9.899906204215005e-06]},
    )


def test_liet():
    """fzjcdt/LIET, commit 8b2d3b8, main.py and utils/custom_loss.py, with steps on grey images
    every other update.
    """
    found = train("liet", {"attack": {"renewal": 2}})
    check(
        found,
        [2.6104832315023505, 2.514223449608897, 2.8879918036828633],
        [0.014226754348342103, 0.3942878760697751, 0.0014849091675653685],
        [0.026413667362391886, 0.1516681057112333, -0.04443299260035432],
    )


def test_aaer():
    """tmllab/2023_NeurIPS_AAER, commit 5ad2591, CIFAR10/AAER.py, with one draw for the three
    channels; without its term that has no gradient. At this eps each step has abnormal
    examples.
    """
    found = train("aaer", eps=0.8)
    check(
        found,
        [2.6093158678911137, 2.1179898759962477, 1.7790621680809515],
        [0.014507378802692254, 0.39492400894527296, 0.0015091776649060007],
        [0.034727730502833565, 0.21065889253712788, -0.061854190485132646],
    )


def test_fgsm_uap():
    """fzjcdt/fgsm_uap, commit 48be879, fat/fgsm_one_uap.py, with a copy of the gradient; see the
    attack.
    """
    found = train("fgsm_uap", kept=(SHARED, universal.MOMENTUM))
    check(
        found,
        [2.7580374075403005, 2.496875662821281, 3.5272184012311607],
        [0.014014554365173432, 0.39342982094046675, 0.0015809927028292365],
        [0.02743625680766419, 0.15668094969187635, -0.04618083948733521],
        {
            SHARED: [-0.002904865649963689, 0.03289688207089651, 0.0027864033759528984],
            universal.MOMENTUM: [0.0, 0.0010425158245380476, 3.855506822956728e-05],
        },
    )


def test_fgsm_cuap():
    """The same, fat/fgsm_class_uap.py."""
    found = train("fgsm_uap", {"attack": {"shared_by": "class"}}, kept=(SHARED, universal.MOMENTUM))
    check(
        found,
        [2.7606413123687847, 2.508866364328223, 3.213288311824095],
        [0.014092341705032796, 0.39374003678387526, 0.0016066067678450137],
        [0.027152042586167057, 0.15524085844568944, -0.04558460422690908],
        {
            SHARED: [-0.0005083514887436457, 0.03833432234932073, 0.0001928146525114253],
            universal.MOMENTUM: [
                -2.5090316236174337e-05,
                0.0020260780947318237,
                1.934702708405248e-05,
            ],
        },
    )


def test_zero_grad():
    """rohban-lab/catastrophic_overfitting, commit f239dbe, train_cifar.py."""
    found = train("zero_grad")
    check(
        found,
        [2.9349434134070993, 2.3818706572762505, 2.579250940350274],
        [0.014251885572443017, 0.3943872860860928, 0.0015280770201042682],
        [0.027218479920047105, 0.15421702324832093, -0.04516729099390427],
    )


def test_ssat():
    """Harry24k/catastrophic-overfitting, commit 049809b, defenses/trainers/co_adv_trainer.py with
    c = 4.
    """
    found = train("ssat", {"attack": {"checkpoints": 4}}, data=batches(predicted=True), eps=0.2)
    check(
        found,
        [2.2268472427755217, 1.8917434322545759, 2.4402768316800962],
        [0.014404888913145657, 0.39495964361102676, 0.0011331148535282472],
        [0.02177937444831566, 0.12077215975629704, -0.035794795334064766],
    )


def test_atas():
    """HuangZhiChao95/ATAS, commit 674b195, adv_attack.py and the update of ATAS.py: the last
    constant step and two adapted ones.
    """
    found = train(
        "atas",
        epoch=4,
        epochs=30,
        memory={atas.DELTA: corner() / 2, atas.NORM: torch.zeros(4, dtype=torch.float64)},
        kept=(atas.DELTA, atas.NORM),
    )
    check(
        found,
        [2.8996975850700206, 2.2931770638879208, 2.265691871685605],
        [0.014328217663209686, 0.39468970727078856, 0.0015224329600703546],
        [0.01640441804603584, 0.09311424801901819, -0.027420192449996675],
        {
            atas.DELTA: [-0.0008682180362015969, 0.016595374531539815, -3.2769421502446055e-05],
            atas.NORM: [0.11027343476071311, 0.13091174395294264, 0.01513059986510645],
        },
    )


def test_elle():
    """LIONS-EPFL/ELLE, commit 0f16c0e, Trainer.loss of core/utils/train.py with clamp; its last
    pass, for the log, in eval mode, and one optimizer step. It does not clip FGSM to [0, 1].
    """
    found = train("elle", data=batches(inside=True))
    check(
        found,
        [3.008953398260443, 2.4572194633091384, 2.8344638549433627],
        [0.014189512799226693, 0.3941073676738523, 0.001540232990994635],
        [0.036240293072621534, 0.20798972797124785, -0.0610311213754345],
    )


def test_elle_with_an_adaptive_weight():
    """The same with its adaptive weight and a sensitivity of 0, so that it rises in six updates."""
    found = train(
        "elle", schedule="adaptive", weight=4000.0, sensitivity=0.0, data=2 * batches(inside=True)
    )
    check(
        found,
        [
            3.0089533981872263,
            2.4572194525431654,
            2.8344625596469344,
            2.0502191452009315,
            1.698342040800607,
            2.0776592198385795,
        ],
        [0.014105834946145117, 0.39374566026025176, 0.001624342174014091],
        [0.04576730848915784, 0.2887370276192514, -0.08569140506635131],
    )
