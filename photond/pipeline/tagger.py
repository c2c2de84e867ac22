"""The tagger: a pack's embeddings to tags, with the labels and thresholds that hold just now."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property

import msgspec
import numpy as np

from photond.config.settings import TagSettings
from photond.models.pack import Pack
from photond.pipeline import thresholds
from photond.pipeline.labels import LabelBook
from photond.pipeline.tagging import Float32, LabelBank, TagRules, choose, least_cosines
from photond.store import embeddings, packs, tags
from photond.store.database import Connection, transaction
from photond.store.packs import StoredPack
from photond.store.tags import Tag
from photond.vocabulary.concepts import Vocabulary

# Counts up when photos would be tagged otherwise by the same settings.
_VERSION = 3


class _StoppedError(Exception):
    """Takes back what a transaction has done so far."""


class Tagger:
    """Gives photos their tags.

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
        settings: TagSettings,
    ) -> None:
        self._connection = connection
        self._pack = pack
        self._stored = stored
        self._learns = settings.thresholds == "learnt" or (
            settings.thresholds == "auto" and not pack.score.calibrated
        )
        least = settings.min_confidence or pack.score.min_confidence
        self._rules = TagRules(least, settings.max_tags)
        # Without tags there is nothing to embed.
        self._vocabulary = vocabulary if settings.max_tags else Vocabulary(())
        self._learnt = tags.label_thresholds(connection, stored.id) if self._learns else {}
        self._least_of: tuple[LabelBank, Float32] | None = None
        self._ids: dict[str, int] = {}
        self.fingerprint = _fingerprint(pack, self._vocabulary, self._rules, learns=self._learns)

    @cached_property
    def book(self) -> LabelBook:
        """The labels; read when they are needed, which in a pass over unchanged photos is never.

        First asked for with no transaction open.

        Raises:
            ModelError: The label embeddings that come with the pack are damaged.
        """
        known = tags.known_label_embeddings(self._connection, self._stored.id)
        book = LabelBook(self._vocabulary, self._pack, known)
        # In a transaction of its own: ids from one that is taken back would be those of no label.
        with transaction(self._connection):
            labels = [concept.name for concept in self._vocabulary]
            self._ids = tags.label_ids(self._connection, labels)
            if not book.is_complete:
                # Until the last label is there, no photo has all the tags that it should.
                packs.set_tagging_fingerprint(self._connection, self._stored.id, None)
        return book

    def absorb(self, prompts: Mapping[str, Float32]) -> None:
        """Keep embeddings of prompts, and use them from now on."""
        if prompts:
            with transaction(self._connection):
                tags.keep_label_embeddings(self._connection, self._stored.id, prompts)
            self.book.add(prompts)

    def tag(self, content_ids: list[int], vectors: Float32) -> None:
        """Give contents their tags, by their embeddings, float32 of shape (contents, dimension)."""
        bank = self.book.bank
        least = self._least(bank)
        cosines = vectors @ bank.embeddings.T
        chosen = choose(cosines, bank, least, self._pack.score, self._rules.max_tags)
        given = {
            content_id: [Tag(bank.labels[label], confidence) for label, confidence in labels]
            for content_id, labels in zip(content_ids, chosen, strict=True)
        }
        tags.set_tags(self._connection, self._stored.id, given, self._ids)

    @property
    def is_due(self) -> bool:
        """Whether all photos are to be tagged anew, by other rules or after learning."""
        # Asked anew: a pass that began without all labels has reset it.
        stored = packs.find_pack(self._connection, self._pack.fingerprint)
        assert stored is not None
        if stored.tagging_fingerprint != self.fingerprint:
            return True
        photos = embeddings.count_embeddings(self._connection, stored.id)
        return self._learns and thresholds.is_due(photos, stored.learnt_from)

    def retag(self, should_stop: Callable[[], bool]) -> bool:
        """Tag every photo anew from its stored embedding, and learn thresholds where they are learnt.

        One transaction: whoever reads the index sees the old tags until all the new ones are there.

        Args:
            should_stop: Asked every few thousand photos; all tags stay as they were then.

        Returns:
            Whether it was done.
        """
        with suppress(_StoppedError), transaction(self._connection):
            if self._learns:
                self._learn()
            tags.delete_tags(self._connection, self._stored.id)
            for ids, vectors in embeddings.all_embeddings(self._connection, self._stored.id):
                if should_stop():
                    raise _StoppedError
                self.tag(ids.tolist(), vectors)
            packs.set_tagging_fingerprint(self._connection, self._stored.id, self.fingerprint)
            return True
        return False

    def _learn(self) -> None:
        count = embeddings.count_embeddings(self._connection, self._stored.id)
        bank = self.book.bank
        if count < thresholds.MIN_PHOTOS or not bank.labels:
            return
        sample = embeddings.sample_embeddings(
            self._connection, self._stored.id, thresholds.MAX_PHOTOS
        )
        least = thresholds.learn(sample @ bank.embeddings.T, self._pack.score)
        self._learnt = dict(zip(bank.labels, least.tolist(), strict=True))
        self._least_of = None
        ids = {self._ids[label]: cosine for label, cosine in self._learnt.items()}
        tags.set_label_thresholds(self._connection, self._stored.id, ids, count)

    def _least(self, bank: LabelBank) -> Float32:
        if self._least_of is None or self._least_of[0] is not bank:
            learnt = [self._learnt.get(label, -np.inf) for label in bank.labels]
            least = least_cosines(
                len(bank.labels), self._pack.score, self._rules, np.array(learnt, np.float32)
            )
            self._least_of = bank, least
        return self._least_of[1]


def _fingerprint(pack: Pack, vocabulary: Vocabulary, rules: TagRules, *, learns: bool) -> str:
    """Identifies all that tags depend on besides the embedding, so that a change is noticed."""
    basis = [
        _VERSION,
        pack.text.tag_prompt,
        msgspec.to_builtins(pack.score),
        vocabulary.fingerprint,
        rules.min_confidence,
        rules.max_tags,
        learns,
    ]
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()
