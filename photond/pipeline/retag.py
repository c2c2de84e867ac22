"""Tagging a whole library anew, from the embeddings that it has."""

from collections.abc import Callable

from photond.config.settings import Settings
from photond.models.loading import Towers
from photond.models.pack import Pack
from photond.models.towers import available_cores
from photond.pipeline.labels import LabelEncoder
from photond.pipeline.summary import Progress
from photond.pipeline.tagger import Tagger
from photond.store.database import Connection
from photond.store.packs import StoredPack
from photond.vocabulary.concepts import Vocabulary

_TICK_SECONDS = 0.1


def embed_labels(
    tagger: Tagger,
    pack: Pack,
    cores: int,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> bool:
    """Embed the labels that are lacking; what is done is kept after a stop.

    Args:
        tagger: What they are for.
        pack: Whose text tower embeds them; it is not loaded if there is nothing to do.
        cores: How many threads it may use.
        on_progress: Told several times a second how far it is.
        should_stop: Asked as often.

    Returns:
        Whether all of them are there.

    Raises:
        ModelError: The text tower cannot be used.
    """
    encoder = LabelEncoder(tagger.book.lacking, Towers(pack, text_threads=cores).text)
    total = encoder.left
    try:
        while encoder.left and not should_stop():
            tagger.absorb(encoder.take(_TICK_SECONDS))
            on_progress(Progress(labels=total, labels_done=total - encoder.left))
    finally:
        encoder.stop()
    return encoder.left == 0


class Retagging:
    """What tagging anew needs at hand.

    Args:
        connection: The index.
        pack: The pack whose embeddings are tagged.
        stored: What the index has of it.
        vocabulary: The labels.
        settings: The user's.
    """

    def __init__(
        self,
        connection: Connection,
        pack: Pack,
        stored: StoredPack,
        vocabulary: Vocabulary,
        settings: Settings,
    ) -> None:
        self._tagger = Tagger(connection, pack, stored, vocabulary, settings.tags)
        self._pack = pack
        self._cores = settings.index.workers or available_cores()

    def run(self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> bool:
        """Embed the labels that are lacking, then tag every photo in one transaction.

        Args:
            on_progress: Told several times a second how far the labels are.
            should_stop: Asked as often; labels that are embedded by then are kept, and no tag changes.

        Returns:
            Whether the photos have their new tags.

        Raises:
            ModelError: The text tower cannot be used.
        """
        if not embed_labels(self._tagger, self._pack, self._cores, on_progress, should_stop):
            return False
        return self._tagger.retag(should_stop)
