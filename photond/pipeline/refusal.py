"""Why a file is not in the index."""

import os
from collections.abc import Sequence

from photond.pipeline.rules import Rules
from photond.pipeline.walk import refusal_below


def why_not_indexed(path: str, roots: Sequence[str], rules: Rules) -> str:
    """Why the index knows nothing of a file, as a sentence without an end.

    Args:
        path: Absolute.
        roots: The folders, or photos, that are indexed.
        rules: Which names are taken below them.
    """
    if not os.path.lexists(path):
        return "there is no such file"
    if os.path.isdir(path):  # noqa: PTH112 - a path may have surrogates
        return "it is a folder"
    above = [root for root in roots if f"{path}/".startswith(root.rstrip("/") + "/")]
    if not above:
        return "it lies in none of the folders that are indexed (`photond index` can be given it)"
    refusals = [None if path == root else refusal_below(root, path, rules) for root in above]
    # One root that comes by it is enough.
    return refusals[0] if all(refusals) and refusals[0] else "it was not there at the last scan"
