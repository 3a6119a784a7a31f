"""Parse values that may be domains, and import Ray, which defines them, only for those."""

from tuner.cli.values import parse_value


def parse_search_value(value: object) -> object:
    """Convert the fractions and domains in a typed value.

    Raises:
        ValueError: If a fraction or a domain is invalid.

    >>> parse_search_value("8/255")
    0.03137254901960784
    """
    if "(" not in str(value):
        return parse_value(value)
    from tuner.config.domain_parser import parse_value_or_domain  # noqa: PLC0415  # imports Ray

    return parse_value_or_domain(value)
