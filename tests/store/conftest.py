"""An index with a few photos in it, made without looking at any."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from photond.store import contents, embeddings, files, packs, tags
from photond.store.contents import Content
from photond.store.database import Connection, open_index, transaction
from photond.store.files import FileStat
from photond.store.tags import Tag

DIMENSION = 8


def add_photo(connection: Connection, pack_id: int, number: int) -> int:
    """A photo that is read, embedded and tagged; returns its content's id."""
    folder_id = files.add_folder(connection, "/photos")
    file_id = files.add_file(connection, folder_id, FileStat(f"{number}.jpg", 1, number, number))
    facts = Content(f"{number:064x}", 1, "JPEG", 2, 2, None, None, None, None, None, None)
    content_id = contents.put(connection, facts)
    vector = np.random.default_rng(number).normal(size=DIMENSION)
    vector /= np.linalg.norm(vector)
    embeddings.add_embedding(connection, pack_id, content_id, vector.astype(np.float32))
    ids = tags.label_ids(connection, ["cat", "dog"])
    tags.set_tags(connection, pack_id, {content_id: [Tag("cat", 0.9)]}, ids)
    files.set_content(connection, file_id, content_id)
    return content_id


@pytest.fixture
def index_path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def index(index_path: Path) -> Iterator[Connection]:
    """An index with forty photos, one pack and two labels."""
    with closing(open_index(index_path, create=True)) as connection:
        with transaction(connection):
            pack = packs.add_pack(connection, "small", "fingerprint", DIMENSION)
            for number in range(1, 41):
                add_photo(connection, pack.id, number)
        yield connection
