"""Finds the duplicates in an index, and looks whether they are still there."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.search.banding import distances, near_pairs
from photond.search.duplicates import (
    SAME,
    File,
    Group,
    Likeness,
    Photo,
    alike_group,
    both_ways,
    clusters,
    identical_group,
    in_order,
    quality,
)
from photond.store import contents, embeddings, looks
from photond.store.database import Connection
from photond.store.identical import StoredCopy, copies_of, repeated_contents

MOST_BITS = 8
"""How many of 128 bits of the perceptual hash may differ between photos that are alike."""

MIN_COSINE = 0.7
"""How similar the embeddings of such photos are at least."""

# A picture whose hash has fewer bits set is even nearly everywhere (black, white, a text on white), and
# the hash does not say which it is.
_FEWEST_BITS = 10
_CONTENTS_AT_ONCE = 4096
_PAIRS_AT_ONCE = _CONTENTS_AT_ONCE // 2


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What there is twice.

    Attributes:
        groups: As they are shown.
        even: How many photos were not compared because there is too little to see in them.
    """

    groups: list[Group]
    even: int


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Contents that are alike.

    Attributes:
        ids: Of the contents, shape (n, 2).
        cosines: Of their embeddings, shape (n,).
        bits: In which their hashes differ, shape (n,).
    """

    ids: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float32]
    bits: npt.NDArray[np.uint8]

    def likenesses(self) -> dict[tuple[int, int], Likeness]:
        """How alike they are, by the ids in both orders."""
        found = {}
        for (one, other), cosine, bits in zip(
            self.ids.tolist(), self.cosines.tolist(), self.bits.tolist(), strict=True
        ):
            found[one, other] = found[other, one] = Likeness(cosine, bits)
        return found


def find_duplicates(
    connection: Connection,
    pack_id: int,
    *,
    min_cosine: float = MIN_COSINE,
    paths: Sequence[str] = (),
    identical_only: bool = False,
) -> Duplicates:
    """The photos that are there more than once.

    Args:
        connection: The index, in a snapshot.
        pack_id: The pack whose embeddings are compared.
        min_cosine: How similar the embeddings of photos that are alike must be, in [-1, 1].
        paths: Only groups with a photo at or below one of these absolute paths; all if empty.
        identical_only: Do not look for photos that are alike.
    """
    even, likenesses = 0, {}
    if not identical_only:
        even, pairs = _alike(connection, pack_id, min_cosine)
        likenesses = pairs.likenesses()
    photos = _photos_there(
        connection, {*repeated_contents(connection), *(one for one, _ in likenesses)}
    )
    identical = map(identical_group, photos.values())
    groups = [group for group in identical if group is not None and _touches(group, paths)]
    for cluster in _clusters(photos, likenesses):
        best = cluster[0]
        group = alike_group([(photos[id_], likenesses.get((best, id_), SAME)) for id_ in cluster])
        if _touches(group, paths):
            groups.append(group)
    return Duplicates(in_order(groups), even)


def _clusters(
    photos: Mapping[int, Photo], likenesses: Iterable[tuple[int, int]]
) -> list[list[int]]:
    there = [pair for pair in likenesses if pair[0] in photos and pair[1] in photos]
    neighbours = both_ways(there)
    return clusters(neighbours, sorted(neighbours, key=lambda id_: quality(photos[id_])))


def _alike(connection: Connection, pack_id: int, min_cosine: float) -> tuple[int, _Pairs]:
    """How many photos show too little to be compared, and the pairs of the others that are alike.

    Photos that state different times are different photos, however alike: a series of a still scene.
    """
    known = looks.known_looks(connection, pack_id)
    has_looks = np.bitwise_count(known.hashes).sum(axis=1) >= _FEWEST_BITS
    ids, hashes, taken_at = (
        column[has_looks] for column in (known.ids, known.hashes, known.taken_at)
    )
    pairs = near_pairs(hashes, MOST_BITS)
    one, other = taken_at[pairs].T
    pairs = pairs[(one == other) | (one == looks.NEVER) | (other == looks.NEVER)]
    bits = distances(hashes[pairs[:, 0]], hashes[pairs[:, 1]])
    cosines = _cosines(connection, pack_id, ids[pairs])
    is_alike = cosines >= min_cosine
    alike = _Pairs(ids[pairs][is_alike], cosines[is_alike], bits[is_alike])
    return int((~has_looks).sum()), alike


def _cosines(
    connection: Connection, pack_id: int, pairs: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """The cosine similarities of pairs of contents, shape (n,), a part of them in memory at a time.

    That of a pair of which an embedding is spoilt is not a number: nobody knows that they are alike.
    """
    cosines = np.full(len(pairs), np.nan, np.float32)
    for part in _parts(len(pairs), _PAIRS_AT_ONCE):
        wanted = np.unique(pairs[part])
        ids, vectors = embeddings.embeddings_of(connection, pack_id, wanted.tolist())
        is_known = np.isin(pairs[part], ids).all(axis=1)
        left, right = np.searchsorted(ids, pairs[part][is_known].T)
        cosines[part][is_known] = np.einsum("nd,nd->n", vectors[left], vectors[right])
    return cosines


def _photos_there(connection: Connection, content_ids: Iterable[int]) -> dict[int, Photo]:
    """The contents of which a file is there now, by id, with those files."""
    found = {}
    wanted = sorted(content_ids)
    for part in _parts(len(wanted), _CONTENTS_AT_ONCE):
        some = wanted[part]
        facts = contents.facts_of(connection, some)
        for content_id, copies in copies_of(connection, some).items():
            files = tuple(file for copy in copies if (file := _look(copy)) is not None)
            if files:
                one = facts[content_id]
                found[content_id] = Photo(
                    one.sha256,
                    one.size,
                    one.format,
                    one.width,
                    one.height,
                    one.taken_at,
                    one.camera,
                    files,
                )
    return found


def _look(copy: StoredCopy) -> File | None:
    """A file as it is on disk now; None if it is gone, or may not be what the index says it is."""
    if copy.state != "present" or copy.is_waiting:
        return None
    try:
        status = os.stat(copy.path)  # noqa: PTH116 - a path may have surrogates and a million friends
    except OSError:
        return None
    if (status.st_size, status.st_mtime_ns) != (copy.size, copy.mtime_ns):
        return None
    is_link = os.path.realpath(copy.path) != copy.path
    return File(copy.path, status.st_mtime_ns, (status.st_dev, status.st_ino), is_link)


def _touches(group: Group, paths: Sequence[str]) -> bool:
    """Whether a photo of a group lies at or below one of some paths; no paths are all paths."""
    prefixes = tuple(path.rstrip("/") + "/" for path in paths)
    return not paths or any(
        f"{file.path}/".startswith(prefixes) for copy in group.copies for file in copy.photo.files
    )


def _parts(count: int, size: int) -> Iterator[slice]:
    """So many things in parts of a size."""
    return (slice(start, start + size) for start in range(0, count, size))
