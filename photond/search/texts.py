"""Embeddings of queries: from the index if asked before, else from a text tower that is kept."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photond.models.pack import Pack
from photond.models.prepared import PreparedTowers
from photond.search.answering import Answering
from photond.store.database import Connection
from photond.store.embeddings import Embedding
from photond.store.queries import known_query

if TYPE_CHECKING:
    from photond.models.towers import TextTower


@dataclass(frozen=True, slots=True)
class QueryText:
    """A text that was asked for.

    Attributes:
        prompt: The text as the model gets it.
        embedding: float32 of shape (dimension,), unit length.
        is_new: Whether the index does not have it yet, and may keep it.
        is_cut: Whether it is longer than the model reads.
    """

    prompt: str
    embedding: Embedding
    is_new: bool
    is_cut: bool = False


class QueryTexts:
    """Embeds the texts of queries; several threads may ask at the same time.

    Args:
        once: The process asks one question, so that a tower that loads sooner is better than a fast one.
        prepared: Where towers are kept as they were made ready for this machine, if anywhere.
    """

    def __init__(self, *, once: bool = False, prepared: PreparedTowers | None = None) -> None:
        self._once = once
        self._prepared = prepared
        self._loading = threading.Lock()
        self._loaded: tuple[str, TextTower] | None = None

    def embed(self, connection: Connection, answering: Answering, text: str) -> QueryText:
        """The embedding of a query's text, computed only if the index does not have it.

        Raises:
            ModelError: The text tower is missing or damaged.
            UsageError: The model sees nothing in the text.
        """
        prompt = answering.pack.text.prompt_of(text)
        known = known_query(connection, answering.stored.id, prompt)
        if known is not None:
            return QueryText(prompt, known, is_new=False)
        tower = self._tower(answering.pack)
        # What a text would be found by is not all that was asked, so it is computed and said each time.
        is_cut = tower.tokenizer.cuts(prompt)
        return QueryText(prompt, tower.embed_query(text), is_new=not is_cut, is_cut=is_cut)

    def let_go(self) -> None:
        """Let go of the model; the next new text loads it again."""
        with self._loading:
            self._loaded = None

    def _tower(self, pack: Pack) -> "TextTower":
        """The tower of a pack, loaded by the first who asks and kept for the others."""
        # Brings onnxruntime with it, which a text that was asked before does without.
        from photond.models.towers import TextTower, available_cores  # noqa: PLC0415

        with self._loading:
            if self._loaded is None or self._loaded[0] != pack.fingerprint:
                self._loaded = None  # not two at a time
                tower = TextTower(pack, available_cores(), once=self._once, prepared=self._prepared)
                self._loaded = pack.fingerprint, tower
            return self._loaded[1]
