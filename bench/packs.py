"""Packs to measure with: mini, and SigLIP base's shape with random weights in float32 and int8.

Random weights are as fast as trained ones, and understand nothing. They are made once and kept.
"""

from pathlib import Path

import numpy as np

from photond.config import locations
from photond.config.settings import Settings
from photond.models.pack import Pack, load_pack
from photond.models.quantize import quantize_pack
from photond.models.shelf import BUILT_IN
from photond.pipeline.engine import stored_pack
from photond.pipeline.tagger import Tagger
from photond.store.database import open_index
from photond.vocabulary.own import load_vocabulary
from tools.random_pack import SIGLIP_BASE, TINY, write_pack

FP32, INT8, MINI, SMALLEST = "siglip-fp32", "siglip-int8", "mini", "tiny"


def data_home(cache: Path) -> Path:
    """What `XDG_DATA_HOME` is to be, so that photond finds the packs."""
    return cache / "data"


def find(name: str, cache: Path) -> Pack:
    """A pack by its name, made in `cache` if it is not there."""
    if name == MINI:
        return load_pack(BUILT_IN / MINI)
    shelf = data_home(cache) / "photond" / "models"
    if (shelf / name / "model.toml").is_file():
        return load_pack(shelf / name)
    if name == INT8:
        return quantize_pack(find(FP32, cache), INT8, shelf, lambda _draft: None)
    return write_pack(shelf / name, TINY if name == SMALLEST else SIGLIP_BASE)


def write_index(database: Path, pack: Pack) -> None:
    """Write an index without photos that knows a pack and has an embedding of every label.

    A pack of SigLIP's size takes minutes for its labels, once; what is measured is every day after
    that. Labels that do not come with the pack are given random embeddings.
    """
    connection = open_index(database, create=True)
    stored = stored_pack(connection, pack)
    vocabulary = load_vocabulary(locations.vocabulary_file())
    tagger = Tagger(connection, pack, stored, vocabulary, Settings().tags)
    random = np.random.default_rng(0)
    lacking = tagger.book.lacking
    vectors = random.standard_normal((len(lacking), pack.embedding_dimension), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    tagger.absorb(dict(zip(lacking, vectors, strict=True)))
    tagger.retag(lambda: False)
    connection.close()
