"""Packs that are small."""

import pytest

from photond.models.pack import Pack
from photond.models.quantize import quantize_pack
from tools.random_pack import TINY, write_pack


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A pack of SigLIP's shape with random weights, a thousandth of its size."""
    return write_pack(tmp_path_factory.mktemp("packs") / "tiny", TINY)


@pytest.fixture(scope="session")
def quantised(tiny: Pack, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return quantize_pack(tiny, "tiny-int8", tmp_path_factory.mktemp("models"), lambda _draft: None)
