"""The address of a file, for browsers and terminals."""

import os
from urllib.parse import quote


def file_uri(path: str) -> str:
    """The `file://` address of an absolute path; every byte that is not plain is written as %XX."""
    return "file://" + quote(os.fsencode(path))
