"""Addresses of remote files and folders, e.g. s3://bucket/path."""

import re

SCHEME_PATTERN = re.compile(r"[a-zA-Z][\w+.-]*://")


def is_url(text: str) -> bool:
    """Return whether a text is an address rather than a path or a KEY=VALUE argument.

    >>> is_url("s3://bucket/path?region=eu"), is_url("results=s3://bucket")
    (True, False)
    """
    return SCHEME_PATTERN.match(text) is not None


def join_url(address: str, *names: str) -> str:
    """Return an address with path segments appended.

    >>> join_url("s3://bucket/path?region=eu", "study", "trials")
    's3://bucket/path/study/trials?region=eu'
    >>> join_url("sftp:///srv/", "study"), join_url("file:///", "study")
    ('sftp:///srv/study', 'file:///study')
    """
    path, mark, query = address.partition("?")
    return "/".join([path.removesuffix("/"), *names]) + mark + query


def parent_url(address: str) -> str:
    """Return an address without its last path segment.

    >>> parent_url("s3://bucket/path/study?region=eu")
    's3://bucket/path?region=eu'
    """
    path, mark, query = address.partition("?")
    return path.removesuffix("/").rpartition("/")[0] + mark + query
