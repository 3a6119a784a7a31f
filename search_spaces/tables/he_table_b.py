"""PGD-AT with hypersphere embedding on two networks: HE's Table B (arXiv:2002.08619)."""

from search_spaces.tables._published import NETWORK_NAMES, Layer, list_rows

RECIPE = "he_pgd_at"
SCHEDULER = "none"
ROWS = list_rows("he", "Table B")


def space() -> Layer:
    """Return what both networks share: nothing besides the recipe."""
    return {}


def variants() -> dict[str, Layer]:
    """Return the two networks."""
    return {row.architecture: {"model": {"name": NETWORK_NAMES[row.architecture]}} for row in ROWS}


def published() -> dict[str, dict[str, str]]:
    """Return AutoAttack's and RayS' accuracies, merged from separate rows."""
    return {
        name: {k: v for row in ROWS if row.architecture == name for k, v in row.numbers.items()}
        for name in variants()
    }
