"""Zero-shot tags: which labels a photo is given, and the embeddings of those labels."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import msgspec
import numpy as np
import numpy.typing as npt

from photond.models.pack import Pack, ScoreSpec
from photond.models.score import confidence
from photond.models.towers import TextTower
from photond.store import tags
from photond.store.database import Connection, transaction
from photond.store.tags import Tag

# How many labels are embedded between two commits, so that an interruption costs little.
_LABELS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class TagRules:
    """Which tags a photo gets.

    Attributes:
        min_confidence: A tag below it is not given.
        max_tags: The most a photo gets.
    """

    min_confidence: float
    max_tags: int


@dataclass(frozen=True, slots=True)
class LabelBank:
    """The labels of a vocabulary with their embeddings.

    Attributes:
        labels: The n labels.
        embeddings: float32 of shape (n, dimension), each row of unit length.
    """

    labels: tuple[str, ...]
    embeddings: npt.NDArray[np.float32]


def everyday_vocabulary() -> tuple[str, ...]:
    """The labels that photond starts with: what is in people's photos."""
    text = resources.files("photond").joinpath("vocabulary.txt").read_text("utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def choose(
    cosines: npt.NDArray[np.float32], labels: Sequence[str], score: ScoreSpec, rules: TagRules
) -> list[Tag]:
    """The tags that a photo gets.

    Args:
        cosines: Cosine similarities of the photo with each label, float32 of shape (n,).
        labels: The n labels.
        score: The pack's scale and bias.
        rules: Threshold and number.

    Returns:
        The surest first; labels that are equally sure by name.
    """
    confidences = confidence(cosines, score)
    passing = np.flatnonzero(confidences >= rules.min_confidence)
    chosen = sorted((-float(confidences[index]), labels[int(index)]) for index in passing)
    return [Tag(label, -negated) for negated, label in chosen[: rules.max_tags]]


def tagging_fingerprint(pack: Pack, labels: Sequence[str], rules: TagRules) -> str:
    """Identifies all that tags depend on besides the embedding, so that a change is noticed."""
    basis = [
        pack.text.tag_prompt,
        msgspec.to_builtins(pack.score),
        list(labels),
        rules.min_confidence,
        rules.max_tags,
    ]
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


def label_bank(
    connection: Connection,
    pack: Pack,
    pack_id: int,
    labels: Sequence[str],
    open_tower: Callable[[], TextTower],
    should_stop: Callable[[], bool],
) -> LabelBank | None:
    """The labels with their embeddings, of which only those not kept before are computed.

    Args:
        connection: The index, which keeps them.
        pack: The pack in use.
        pack_id: Its id in the index.
        labels: The vocabulary.
        open_tower: Loads the text tower; called only if an embedding is lacking.
        should_stop: Asked every few labels.

    Returns:
        The bank, or None after a stop; what was computed until then is kept.
    """
    prompts = [pack.text.tag_prompt.replace("{label}", label) for label in labels]
    known = tags.known_label_embeddings(connection, pack_id)
    lacking = [prompt for prompt in dict.fromkeys(prompts) if prompt not in known]
    tower = open_tower() if lacking else None
    for start in range(0, len(lacking), _LABELS_AT_ONCE):
        if should_stop() or tower is None:
            return None
        batch = lacking[start : start + _LABELS_AT_ONCE]
        computed = dict(zip(batch, tower.embed(batch), strict=True))
        with transaction(connection):
            tags.keep_label_embeddings(connection, pack_id, computed)
        known |= computed
    embeddings = np.array([known[prompt] for prompt in prompts], np.float32)
    return LabelBank(tuple(labels), embeddings.reshape(len(labels), pack.embedding_dimension))
