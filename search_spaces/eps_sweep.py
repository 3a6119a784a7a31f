"""One method at radii from 2/255 to 16/255: where does it overfit catastrophically?

The sweep of GradAlign's Figure 1 (Andriushchenko and Flammarion, arXiv:2007.02617) in steps of two
grey levels, for any method: `space=eps_sweep method=n_fgsm`, or several with
`'method=grid(fgsm,fgsm_rs,n_fgsm)'`; `seeds=3` adds deviations. A trial that collapses ends there,
and its step is reported; `sentinel.every=0` trains to the end. `python -m analysis.figures FOLDER
figure=collapse` draws the sweep.
"""

from ray import tune

SCHEDULER = "none"
GREY_LEVELS = range(2, 17, 2)


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: eight radii."""
    return {
        "threat": {
            "name": "linf",
            "eps": tune.grid_search([grey / 255 for grey in GREY_LEVELS]),
        }
    }
