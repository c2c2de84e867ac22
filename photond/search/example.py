"""A photo as the question: its embedding, from the index or computed on the spot."""

from dataclasses import dataclass

import numpy as np

from photond.config.settings import Settings
from photond.errors import PictureError, UsageError
from photond.imaging.decode import decode
from photond.imaging.preprocess import to_tensor
from photond.models.towers import ImageTower, available_cores
from photond.pipeline.inputs import input_spec, picture_limits
from photond.pipeline.read import read_photo
from photond.search.search import Answering
from photond.store import contents, embeddings
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

    Raises:
        UsageError: The photo is not there or cannot be read.
    """
    try:
        photo = read_photo(path, settings.index.max_megabytes * 1_000_000)
        content_id = contents.find_embedded(connection, photo.sha256, answering.stored.id)
        if content_id is not None:
            known = embeddings.embedding_of(connection, answering.stored.id, content_id)
            if known is not None:
                return Example(known, content_id)
        spec = input_spec(answering.pack.image)
        picture = decode(photo.data, name=path, min_side=spec.size, limits=picture_limits(settings))
    except FileNotFoundError:
        raise UsageError(f"there is no photo {path}") from None
    except PictureError as error:
        raise UsageError(f"{path} cannot be used: {error.reason}") from error
    pixels = to_tensor(picture.image, spec)[np.newaxis]
    return Example(ImageTower(answering.pack, available_cores()).embed(pixels)[0], None)
