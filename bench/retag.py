"""How long tagging a whole library anew takes, against what cannot be avoided.

    python -m bench.retag [--photos 20000] [--thorough] [--json]

Fills an index with synthetic embeddings that lie about the labels as photos do, then tags them all with
the pack mini and the everyday vocabulary. The baseline, measured in the same run on the same rows, is
reading every embedding and multiplying it with every label. `--thorough` is 100,000 photos.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.measurement import Measurement, run_benchmark
from photond.config.settings import TagSettings
from photond.models.loading import Towers
from photond.models.shelf import BUILT_IN, find_pack
from photond.models.towers import available_cores
from photond.pipeline.labels import LabelBook
from photond.pipeline.retag import retag as tag_anew
from photond.pipeline.tagger import Tagger
from photond.store import contents, embeddings, files, packs
from photond.store.contents import Content
from photond.store.database import Connection, open_index, transaction
from photond.store.files import FileStat
from photond.store.packs import StoredPack
from photond.vocabulary.concepts import everyday

PHOTOS, THOROUGH = 20_000, 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--photos", type=int, help=f"{PHOTOS:,}; with --thorough {THOROUGH:,}")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Tagging photos that have no tags, and those that have."""
    photos = options.photos or (THOROUGH if options.thorough else PHOTOS)
    pack = find_pack("mini", BUILT_IN)
    vocabulary = everyday()
    bank = LabelBook(vocabulary, pack, {}).bank
    with tempfile.TemporaryDirectory() as folder:
        connection = open_index(Path(folder) / "index.db", create=True)
        with transaction(connection):
            stored = packs.add_pack(
                connection, pack.name, pack.fingerprint, pack.embedding_dimension
            )
            fill(connection, stored, bank.embeddings, photos)

        def read_and_multiply() -> None:
            for _ids, vectors in embeddings.all_embeddings(connection, stored.id):
                vectors @ bank.embeddings.T

        def retag() -> None:
            tagger = Tagger(connection, pack, stored, vocabulary, TagSettings())
            towers = Towers(pack, text_threads=available_cores())
            tag_anew(tagger, towers, lambda _progress: None, lambda: False)

        baseline = seconds(read_and_multiply)
        first, second = seconds(retag), seconds(retag)
        connection.close()
    case = f"{photos:,} photos, {len(bank.labels)} labels"
    baseline_is = "read and multiply"
    return [
        Measurement("retag", f"{case}: without tags", first, baseline, "s", baseline_is),
        Measurement("retag", f"{case}: tagged before", second, baseline, "s", baseline_is),
    ]


def fill(connection: Connection, stored: StoredPack, labels: np.ndarray, photos: int) -> None:
    """Photos that each show one to three things, and some of everything else."""
    random = np.random.default_rng(7)
    folder_id = files.add_folder(connection, "/photos")
    for number in range(photos):
        shown = labels[random.integers(0, len(labels), random.integers(1, 4))].sum(axis=0)
        vector = shown + random.normal(0, 0.06, labels.shape[1])
        content = Content(f"{number:064x}", 1, "JPEG", 1, 1, None, None, None, None, None, None)
        content_id = contents.put(connection, content)
        embedding = (vector / np.linalg.norm(vector)).astype(np.float32)
        embeddings.add_embedding(connection, stored.id, content_id, embedding)
        file_id = files.add_file(connection, folder_id, FileStat(f"{number}.jpg", 1, 1, 1))
        files.set_content(connection, file_id, content_id)


def seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
