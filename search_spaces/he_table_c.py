"""What hypersphere embedding costs: HE's Table C (arXiv:2002.08619), in minutes an epoch.

Scales, margins and prices are those of the published code for each method; its network is not
stated, and taken to be WRN-34-10.
"""

from search_spaces._published import Functions, Layer, Row, functions, rows

__all__ = ["RECIPE", "SCHEDULER", "published", "space", "variants"]

RECIPE = "he_pgd_at"
SCHEDULER = "none"
METHODS: dict[str, dict[str, object]] = {
    "PGD-AT": {"name": "pgd_at"},
    "ALP": {"name": "alp"},
    "TRADES": {"name": "trades"},
}
SPHERES: dict[str, Layer] = {
    "PGD-AT+HE": {"model": {"s": 10.0}, "criterion": {"m": 0.2}},
    "ALP+HE": {"model": {"s": 20.0}, "criterion": {"m": 0.3}, "method": {"beta": 0.5}},
    "TRADES+HE": {"model": {"s": 15.0}, "criterion": {"m": 0.2}},
}
PLAIN: Layer = {"model": {"head": "linear"}, "criterion": {"name": "cross_entropy"}}


def table() -> Functions:
    """Return the functions of the space."""
    return functions(rows("he", "Table C"), layer)


def layer(row: Row) -> Layer:
    """Return the configuration of a row."""
    chosen = SPHERES.get(row.method, PLAIN)
    method = METHODS[row.method.removesuffix("+HE")] | chosen.get("method", {})
    return chosen | {"method": method}


space, variants, published = table()
