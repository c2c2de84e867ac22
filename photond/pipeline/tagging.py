"""Zero-shot tags: which labels a photo is given.

Pure: what the labels are like comes in as arrays, and what comes out are indices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.models.pack import ScoreSpec
from photond.models.score import confidence, cosine_of

Float32 = npt.NDArray[np.float32]

# A kind is shown instead of what it is a kind of if the model is at least this share as sure of it: a
# dog that may be one of five breeds is a dog.
SPECIFIC_SHARE = 0.6
# Labels whose embeddings, with the mean of all labels taken away, are so alike say the same thing.
NEAR_SYNONYM_COSINE = 0.9
# Of kinds of one thing that a model cannot tell apart, it is known what at least this share of the
# confidence in them agrees on.
AGREEMENT = 0.7
# Labels of one photo that are looked at, the surest first; all others could not be among the tags.
_CANDIDATES = 64


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
    """Labels with their embeddings, and how they are related.

    Attributes:
        labels: The n labels.
        embeddings: float32 of shape (n, dimension), each row of unit length.
        ancestors: For each label the indices of those that it is a kind of.
        near: For each label the indices of those that say nearly the same.
    """

    labels: tuple[str, ...]
    embeddings: Float32
    ancestors: tuple[frozenset[int], ...]
    near: tuple[frozenset[int], ...]


def near_synonyms(
    embeddings: Float32, ancestors: Sequence[frozenset[int]]
) -> tuple[frozenset[int], ...]:
    """Which labels say nearly the same, by what the text tower makes of them.

    Text towers put all labels into a narrow cone, each model into another one, so that a plain cosine
    says little; without the labels' mean it can be compared between models.

    Args:
        embeddings: float32 of shape (n, dimension), each row of unit length.
        ancestors: For each label those that it is a kind of; these are never near-synonyms.

    Returns:
        For each label the indices of the others that are near to it; symmetric.
    """
    count = len(embeddings)
    if count == 0:
        return ()
    centred = embeddings - embeddings.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    centred /= np.where(norms > 0, norms, 1)
    near: list[set[int]] = [set() for _ in range(count)]
    rows, columns = np.nonzero(np.triu(centred @ centred.T >= NEAR_SYNONYM_COSINE, 1))
    for one, other in zip(rows.tolist(), columns.tolist(), strict=True):
        if other not in ancestors[one] and one not in ancestors[other]:
            near[one].add(other)
            near[other].add(one)
    return tuple(map(frozenset, near))


def least_cosines(
    count: int, score: ScoreSpec, rules: TagRules, learnt: Float32 | None = None
) -> Float32:
    """The cosine from which each label is given.

    Args:
        count: How many labels there are.
        score: The pack's scale and bias.
        rules: The threshold that holds for all of them.
        learnt: A threshold for each label, float32 of shape (count,); -inf where there is none.

    Returns:
        float32 of shape (count,).
    """
    fixed = np.full(count, cosine_of(rules.min_confidence, score), np.float32)
    return fixed if learnt is None else np.maximum(fixed, learnt)


def choose(
    cosines: Float32, bank: LabelBank, least: Float32, score: ScoreSpec, max_tags: int
) -> list[list[tuple[int, float]]]:
    """The tags that photos get.

    Of the labels that pass their thresholds, a photo is given neither what another of its tags implies
    ("dog" beside "labrador"), nor two words for one thing, nor a kind that is much less sure than what
    it is a kind of. Where the pack sees one main thing in a photo (its `min_share` is above zero), nor
    two kinds of one thing: see `agreed`.

    Args:
        cosines: Of each photo with each label, float32 of shape (photos, labels).
        bank: The labels.
        least: The cosine from which each label is given, float32 of shape (labels,).
        score: The pack's scale and bias, and how much less sure than the first the other tags may be.
        max_tags: The most a photo gets.

    Returns:
        For each photo the indices of its labels with their confidence, the surest first; labels that
        are equally sure stand in the bank's order.
    """
    chosen: list[list[tuple[int, float]]] = [[] for _ in range(len(cosines))]
    if max_tags == 0:
        return chosen
    photos, labels = np.nonzero(cosines >= least)
    starts = np.searchsorted(photos, np.arange(len(cosines) + 1))
    for photo in np.unique(photos).tolist():
        passing = labels[starts[photo] : starts[photo + 1]]
        if score.min_share > 0:
            chosen[photo] = _of_one_thing(cosines[photo], passing, bank, score)[:max_tags]
        else:
            scored = _surest(cosines[photo], passing, score)
            chosen[photo] = survivors(scored, bank)[:max_tags]
    return chosen


def _of_one_thing(
    cosines: Float32, passing: npt.NDArray[np.intp], bank: LabelBank, score: ScoreSpec
) -> list[tuple[int, float]]:
    """The tags of a photo of which one main thing is seen.

    What competes with a label counts even where it does not pass by itself: five breeds of cat, none of
    them likely, are a cat.
    """
    surest = float(cosines[passing].max())
    lowest = cosine_of(score.min_share * float(confidence(surest, score)), score)
    near = np.nonzero((cosines >= lowest) & (cosines <= surest))[0]
    scored = _surest(cosines, near, score)
    agreement = agreed(survivors(scored, bank), dict(scored), frozenset(passing.tolist()), bank)
    # What is agreed on may be another word for a tag.
    return survivors(agreement, bank)


def _surest(
    cosines: Float32, candidates: npt.NDArray[np.intp], score: ScoreSpec
) -> list[tuple[int, float]]:
    """Labels with their confidence, the surest first, and no more than can be looked at."""
    values = cosines[candidates]
    order = np.argsort(-values, kind="stable")[:_CANDIDATES]
    sure = confidence(values[order], score).tolist()
    return list(zip(candidates[order].tolist(), sure, strict=True))


def survivors(scored: Sequence[tuple[int, float]], bank: LabelBank) -> list[tuple[int, float]]:
    """Of the labels that pass, those that are worth showing.

    Args:
        scored: Labels with their confidence, the surest first.
        bank: How labels are related.
    """
    sure = dict(scored)
    shown: list[tuple[int, float]] = []
    for label, how_sure in scored:
        general = max((sure[one] for one in bank.ancestors[label] if one in sure), default=0.0)
        if how_sure < SPECIFIC_SHARE * general:
            continue
        if any(label in bank.near[one] for one, _ in shown):
            continue
        shown.append((label, how_sure))
    implied = frozenset[int]().union(*(bank.ancestors[label] for label, _ in shown))
    return [(label, how_sure) for label, how_sure in shown if label not in implied]


def agreed(
    shown: Sequence[tuple[int, float]],
    sure: Mapping[int, float],
    passing: frozenset[int],
    bank: LabelBank,
) -> list[tuple[int, float]]:
    """What those labels agree on that are kinds of one thing.

    A model that sees one main thing in a photo and is nearly as sure that it is a husky, a wolf and a
    shepherd dog has not seen three animals, it has seen one that it cannot place. Labels that share
    anything that they are kinds of compete, and so do those that share it with one that competes. In
    their place stands the most special label that has `AGREEMENT` of their confidence behind it: a dog
    here. It is as sure as the surest label behind it.

    Args:
        shown: Labels with their confidence, the surest first, none of them a kind of another.
        sure: The confidence of all labels that were looked at.
        passing: The labels that pass by themselves; a tag has at least one of them behind it.
        bank: How labels are related.

    Returns:
        Labels of which no two are kinds of one thing, the surest first.
    """
    kept = []
    for rivals in _competing(shown, bank):
        behind: dict[int, set[int]] = {}
        for label in rivals:
            for one in (label, *bank.ancestors[label]):
                behind.setdefault(one, set()).add(label)
        weights = {
            one: sum(sure[label] for label in labels)
            for one, labels in behind.items()
            if (labels | {one}) & passing
        }
        if not weights:
            continue
        enough = min(AGREEMENT * sum(sure[label] for label in rivals), max(weights.values()))
        # Of two labels the one that is a kind of more is the more special.
        winner = min(
            (one for one, weight in weights.items() if weight >= enough),
            key=lambda one: (-len(bank.ancestors[one]), -weights[one], one),
        )
        kept.append((winner, max(sure[one] for one in behind[winner] | {winner} & sure.keys())))
    return sorted(kept, key=lambda one: (-one[1], one[0]))


def _competing(shown: Sequence[tuple[int, float]], bank: LabelBank) -> list[list[int]]:
    """Labels in groups: whatever shares an ancestor, directly or through others, is together."""
    groups: list[tuple[list[int], frozenset[int]]] = []
    for label, _ in shown:
        members, above = [label], bank.ancestors[label]
        apart = []
        for group in groups:
            if group[1] & above:
                members, above = group[0] + members, above | group[1]
            else:
                apart.append(group)
        groups = [*apart, (members, above)]
    return [members for members, _ in groups]
