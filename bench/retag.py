"""How long tagging a whole library anew takes, against what cannot be avoided.

    python bench/retag.py --photos 100000

Fills an index with synthetic embeddings that lie about the labels as photos do, then tags them all with
the pack mini and the everyday vocabulary. The baseline, measured in the same run on the same rows, is
reading every embedding and multiplying it with every label. Prints JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from photond.config.settings import TagSettings
from photond.models.shelf import BUILT_IN, find_pack
from photond.models.towers import available_cores
from photond.pipeline.labels import LabelBook
from photond.pipeline.retag import retag as tag_anew
from photond.pipeline.tagger import Tagger
from photond.store import contents, embeddings, files, packs, tags
from photond.store.contents import Content
from photond.store.database import Connection, open_index, transaction
from photond.store.files import FileStat
from photond.store.packs import StoredPack
from photond.vocabulary.concepts import everyday


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=100_000)
    photos = parser.parse_args().photos
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
            tag_anew(tagger, pack, available_cores(), lambda _progress: None, lambda: False)

        baseline = seconds(read_and_multiply)
        first, second = seconds(retag), seconds(retag)
        result = {
            "photos": photos,
            "labels": len(bank.labels),
            "tags": tags.count_tags(connection, stored.id),
            "read_and_multiply_s": round(baseline, 2),
            "retag_untagged_s": round(first, 2),
            "retag_s": round(second, 2),
            "ratio": round(second / baseline, 2),
        }
        connection.close()
    print(json.dumps(result, indent=2))


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
    main()
