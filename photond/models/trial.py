"""Trying a pack out before anything relies on it."""

import numpy as np

from photond.models.pack import Pack
from photond.models.towers import ImageTower, TextTower, available_cores


def try_pack(pack: Pack) -> None:
    """Verify every file of a pack and run both towers once.

    Raises:
        ModelError: Something is missing, damaged, or not what `model.toml` says.
    """
    pack.verify()
    threads = available_cores()
    size = pack.image.size
    ImageTower(pack, threads).embed(np.zeros((1, 3, size, size), np.float32))
    TextTower(pack, threads).embed(["a photo"])
