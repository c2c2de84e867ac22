"""A photo as the question: its embedding, from the index or computed on the spot."""

from contextlib import closing
from dataclasses import dataclass

import numpy as np

from photond.config.settings import Settings
from photond.errors import PictureError, UsageError
from photond.models.prepared import prepared_towers
from photond.models.towers import ImageTower, available_cores
from photond.pipeline.inputs import input_spec, max_bytes, new_decoder
from photond.pipeline.read import read_photo
from photond.search.answering import Answering
from photond.store import contents, embeddings, files
from photond.store.database import Connection
from photond.store.embeddings import Embedding


@dataclass(frozen=True, slots=True)
class Example:
    """A photo to compare others with.

    Attributes:
        embedding: float32 of shape (dimension,), unit length.
        content_id: Of its content, if the index has it.
    """

    embedding: Embedding
    content_id: int | None


def embed_example(
    connection: Connection, answering: Answering, path: str, settings: Settings
) -> Example:
    """The embedding of a photo, computed only if no photo with the same bytes is indexed.

    A photo whose disk is not there is taken from the index.

    Raises:
        UsageError: The photo is nowhere, or cannot be read.
    """
    pack_id = answering.stored.id
    try:
        photo = read_photo(path, max_bytes(settings))
        known = _known(
            connection, pack_id, contents.find_embedded(connection, photo.sha256, pack_id)
        )
        if known is not None:
            return known
        spec = input_spec(answering.pack.image)
        with closing(new_decoder(settings)) as decoder:
            pixels = decoder.decode(photo.data, path, spec).pixels[np.newaxis]
    except FileNotFoundError:
        known = _known(connection, pack_id, files.content_at(connection, path))
        if known is not None:
            return known
        raise UsageError(f"there is no photo {path}") from None
    except PictureError as error:
        raise UsageError(f"{path} cannot be used: {error.reason}") from error
    tower = ImageTower(
        answering.pack,
        available_cores(),
        once=True,
        prepared=prepared_towers(settings.model),
    )
    return Example(tower.embed(pixels)[0], None)


def _known(connection: Connection, pack_id: int, content_id: int | None) -> Example | None:
    """What the index has of a content, if it has it."""
    if content_id is None:
        return None
    embedding = embeddings.embedding_of(connection, pack_id, content_id)
    return None if embedding is None else Example(embedding, content_id)
