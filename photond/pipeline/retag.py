"""Tagging a whole library anew, from the embeddings that it has."""

from collections.abc import Callable

from photond.models.loading import Towers
from photond.pipeline.labels import LabelEncoder
from photond.pipeline.summary import Progress
from photond.pipeline.tagger import Tagger

_TICK_SECONDS = 0.1


def embed_labels(
    tagger: Tagger,
    towers: Towers,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> bool:
    """Embed the labels that are lacking; what is done is kept after a stop.

    Args:
        tagger: What they are for.
        towers: Whose text tower embeds them; it is not loaded if there is nothing to do.
        on_progress: Told several times a second how far it is.
        should_stop: Asked as often.

    Returns:
        Whether all of them are there.

    Raises:
        ModelError: The text tower cannot be used.
    """
    encoder = LabelEncoder(tagger.book.lacking, towers.text)
    total = encoder.left
    try:
        while encoder.left and not should_stop():
            tagger.absorb(encoder.take(_TICK_SECONDS))
            on_progress(Progress(labels=total, labels_done=total - encoder.left))
    finally:
        encoder.stop()
    return encoder.left == 0


def retag(
    tagger: Tagger,
    towers: Towers,
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> bool:
    """Embed the labels that are lacking, then tag every photo in one transaction.

    Args:
        tagger: Gives the tags.
        towers: Of the pack whose embeddings are tagged.
        on_progress: Told several times a second how far the labels are.
        should_stop: Asked as often; labels that are embedded by then are kept, and no tag changes.

    Returns:
        Whether the photos have their new tags.

    Raises:
        ModelError: The text tower cannot be used.
    """
    have_all = embed_labels(tagger, towers, on_progress, should_stop)
    return have_all and tagger.retag(should_stop)
