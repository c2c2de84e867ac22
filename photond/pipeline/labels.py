"""The labels of a vocabulary as arrays, and embedding those that a pack has not seen yet."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import numpy as np

from photond.errors import ModelError, PhotondError
from photond.models.pack import Pack
from photond.models.towers import TextTower
from photond.pipeline.tagging import Float32, LabelBank, near_synonyms
from photond.vocabulary.concepts import Concept, Vocabulary

# How many prompts are embedded before they are handed over, so that an interruption costs little.
_PROMPTS_AT_ONCE = 8
# The bank is made anew when it can be larger by this share, since that costs a fraction of a second.
_GROWTH = 1.25


class LabelBook:
    """A vocabulary, with the embeddings of its prompts as far as they are known.

    Args:
        vocabulary: The concepts, common ones first; those that the pack is blind to are left out.
        pack: The pack in use: its template, and the label embeddings that come with it.
        known: Embeddings by prompt that were computed before, float32 of shape (dimension,).

    Raises:
        ModelError: The label embeddings that come with the pack are damaged.
    """

    def __init__(self, vocabulary: Vocabulary, pack: Pack, known: Mapping[str, Float32]) -> None:
        self._vocabulary = Vocabulary(
            one for one in vocabulary if one.group not in pack.score.unseen
        )
        self._texts = [one.texts(pack.text.tag_prompt) for one in self._vocabulary]
        self._dimension = pack.embedding_dimension
        wanted = {text for texts in self._texts for text in texts}
        shipped = shipped_labels(pack)
        self._known = {text: shipped[text] for text in wanted & shipped.keys()}
        self._known |= {text: known[text] for text in wanted & known.keys()}
        self._bank: LabelBank | None = None

    @property
    def lacking(self) -> list[str]:
        """The prompts that are not embedded yet, those of common concepts first."""
        texts = dict.fromkeys(text for texts in self._texts for text in texts)
        return [text for text in texts if text not in self._known]

    @property
    def is_complete(self) -> bool:
        """Whether every label can be given."""
        return all(text in self._known for texts in self._texts for text in texts)

    def add(self, embeddings: Mapping[str, Float32]) -> None:
        """Take over embeddings by prompt."""
        self._known |= embeddings

    @property
    def bank(self) -> LabelBank:
        """The labels whose prompts are all embedded, or nearly so many."""
        ready = [
            (concept, texts)
            for concept, texts in zip(self._vocabulary, self._texts, strict=True)
            if all(text in self._known for text in texts)
        ]
        if self._bank is not None:
            had = len(self._bank.labels)
            is_worth_it = len(ready) >= _GROWTH * had or len(ready) == len(self._texts)
            if len(ready) == had or not is_worth_it:
                return self._bank
        self._bank = self._make_bank(ready)
        return self._bank

    def _make_bank(self, ready: Sequence[tuple[Concept, tuple[str, ...]]]) -> LabelBank:
        concepts = [concept for concept, _ in ready]
        embeddings = np.array(
            [np.mean([self._known[text] for text in texts], axis=0) for _, texts in ready],
            np.float32,
        ).reshape(len(ready), self._dimension)
        # The mean of several prompts is shorter than one of them.
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        embeddings /= np.where(norms > 0, norms, 1)
        index = {concept.id: place for place, concept in enumerate(concepts)}
        ancestors = tuple(
            frozenset(
                index[one.id] for one in self._vocabulary.ancestors(concept) if one.id in index
            )
            for concept in concepts
        )
        return LabelBank(
            tuple(concept.name for concept in concepts),
            embeddings,
            ancestors,
            near_synonyms(embeddings, ancestors),
        )


def shipped_labels(pack: Pack) -> dict[str, Float32]:
    """The label embeddings that come with a pack, float32 of shape (dimension,), by prompt.

    Raises:
        ModelError: Their file is damaged.
    """
    if pack.labels is None:
        return {}
    pack.verify_once(pack.labels)
    path = pack.path_of(pack.labels)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            prompts = arrays["prompts"].tolist()
            embeddings = arrays["embeddings"].astype(np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} holds no label embeddings: {error}") from error
    if embeddings.shape != (len(prompts), pack.embedding_dimension):
        raise ModelError(f"{path} holds {embeddings.shape}, which are no label embeddings")
    return dict(zip(prompts, embeddings, strict=True))


class LabelEncoder:
    """Embeds prompts on a thread of its own, while photos are being worked on.

    Args:
        prompts: What to embed, in this order.
        tower: Gives the text tower; called on the thread for each few prompts.
    """

    def __init__(self, prompts: Iterable[str], tower: Callable[[], TextTower]) -> None:
        self._prompts = list(prompts)
        self._tower = tower
        self._done: SimpleQueue[dict[str, Float32] | PhotondError] = SimpleQueue()
        self._left = len(self._prompts)
        self._stop = threading.Event()
        # Named and marked as the workers are: a tower that is computing cannot be stopped.
        self._thread = threading.Thread(target=self._work, name="photond-worker", daemon=True)
        if self._prompts:
            self._thread.start()

    @property
    def left(self) -> int:
        """How many prompts were not taken yet."""
        return self._left

    def take(self, timeout: float = 0.0) -> dict[str, Float32]:
        """What was embedded since the last call, by prompt.

        Args:
            timeout: How long to wait for the first, in seconds.

        Raises:
            ModelError: The text tower cannot be used.
        """
        taken: dict[str, Float32] = {}
        with suppress(Empty):
            while self._left > len(taken):
                is_first = timeout > 0 and not taken
                one = self._done.get(timeout=timeout) if is_first else self._done.get_nowait()
                if isinstance(one, PhotondError):
                    raise one
                taken |= one
        self._left -= len(taken)
        return taken

    def stop(self) -> None:
        """Embed nothing more; what is computed and not taken is lost."""
        self._stop.set()

    def _work(self) -> None:
        try:
            for start in range(0, len(self._prompts), _PROMPTS_AT_ONCE):
                if self._stop.is_set():
                    return
                batch = self._prompts[start : start + _PROMPTS_AT_ONCE]
                self._done.put(dict(zip(batch, self._tower().embed(batch), strict=True)))
        except PhotondError as error:
            self._done.put(error)
        except Exception as error:  # noqa: BLE001 - the waiting side must hear of it
            self._done.put(ModelError(f"labels cannot be embedded: {error}"))
