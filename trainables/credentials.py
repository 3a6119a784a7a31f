"""Credentials in addresses: find them, redact them, and name the variables that hold them."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote

SECRET_NAME = re.compile(
    r"sig|sas|.*(?:key|secret|token|passw|pwd|signature|credential|connection_?string).*",
    re.IGNORECASE,
)
"""Names of the parameters of an address that hold a secret, decoded."""
PARAMETER = re.compile(r"(?<=[?&;])([^=&;?\s]+)=([^&;\s'\"]*)")
USER_AND_PASSWORD = re.compile(r"(:/{1,2})([^/\s:@'\"]*):([^\s/'\"]*(?:/[^\s/@'\"]*)*)@")
ACCESS_KEY = re.compile(r"(s3:/{1,2})[^/\s:@'\"]+@", re.IGNORECASE)
"""The user of an S3 address, an access key."""
VARIABLES: Mapping[str, str] = MappingProxyType({
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS",
    "abfs": "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    "abfss": "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET",
    "az": "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    "hf": "HF_TOKEN",
})
"""Environment variables with credentials, by the scheme of an address."""


def redact_credentials(text: str) -> str:
    """Return a text with the credentials of the addresses in it replaced by three asterisks.

    >>> redact_credentials("results: s3://key:se/cret@bucket/x?region=eu&secret_key=a is bad")
    'results: s3://***@bucket/x?region=eu&secret_key=*** is bad'
    >>> redact_credentials("abfs://data@storage.dfs.core.windows.net/x?sig=SECRET")
    'abfs://data@storage.dfs.core.windows.net/x?sig=***'
    """
    # a path made of an address has one slash
    text = USER_AND_PASSWORD.sub(r"\1***@", text)
    text = ACCESS_KEY.sub(r"\1***@", text)
    return PARAMETER.sub(redact_parameter, text)


def redact_values(value: object) -> object:
    """Return nested lists and mappings with the credentials in their texts redacted.

    >>> redact_values({"study": {"results": "s3://b/x?secret_key=a", "seed": 0}})
    {'study': {'results': 's3://b/x?secret_key=***', 'seed': 0}}
    """
    if isinstance(value, str):
        return redact_credentials(value)
    if isinstance(value, Mapping):
        return {redact_values(key): redact_values(each) for key, each in value.items()}
    return [redact_values(each) for each in value] if isinstance(value, list | tuple) else value


def redact_parameter(match: re.Match[str]) -> str:
    """Return a parameter of an address, its value redacted if it is a secret."""
    is_secret = SECRET_NAME.fullmatch(unquote(match[1]))
    return f"{match[1]}=***" if is_secret and match[2] else match[0]


def has_credentials(address: str) -> bool:
    """Return whether an address holds a password, an access key or another secret."""
    return redact_credentials(address) != address


def credential_variables(address: str) -> str:
    """Return the environment variables for the credentials of an address, as text."""
    scheme = address.partition("://")[0].lower()
    return VARIABLES.get(scheme, "the environment variables of its file system")
