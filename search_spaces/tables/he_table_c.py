"""What hypersphere embedding costs: HE's Table C (arXiv:2002.08619), in minutes per epoch.

Scales, margins and loss weights are those of the published code for each method; its network is not
stated, and taken to be WRN-34-10.
"""

from search_spaces.tables._published import (
    Layer,
    PublishedRow,
    SpaceFunctions,
    build_space,
    list_rows,
)

__all__ = ["RECIPE", "SCHEDULER", "published", "space", "variants"]

RECIPE = "he_pgd_at"
SCHEDULER = "none"
METHOD_LAYERS: dict[str, dict[str, object]] = {
    "PGD-AT": {"name": "pgd_at"},
    "ALP": {"name": "alp"},
    "TRADES": {"name": "trades"},
}
HYPERSPHERE_KNOBS: dict[str, Layer] = {
    "PGD-AT+HE": {"model": {"s": 10.0}, "criterion": {"m": 0.2}},
    "ALP+HE": {"model": {"s": 20.0}, "criterion": {"m": 0.3}, "method": {"beta": 0.5}},
    "TRADES+HE": {"model": {"s": 15.0}, "criterion": {"m": 0.2}},
}
LINEAR_HEAD: Layer = {"model": {"head": "linear"}, "criterion": {"name": "cross_entropy"}}


def build_table_space() -> SpaceFunctions:
    """Return the functions of the space."""
    return build_space(list_rows("he", "Table C"), build_layer)


def build_layer(row: PublishedRow) -> Layer:
    """Return the configuration of a row."""
    chosen = HYPERSPHERE_KNOBS.get(row.method, LINEAR_HEAD)
    method = METHOD_LAYERS[row.method.removesuffix("+HE")] | chosen.get("method", {})
    return chosen | {"method": method}


space, variants, published = build_table_space()
