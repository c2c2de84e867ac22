"""The corpus: file `n` of a seed is always the same, so a finding is two numbers."""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

from tests.hostile import costly, damaged, metadata
from tests.hostile.sample import Sample

Kind = Callable[[Random], Sample]

# How often each kind is drawn. What costs much is rarer; what takes the most forms is commoner.
_WEIGHTS: Mapping[Kind, int] = MappingProxyType(
    {
        damaged.cut: 20,
        damaged.flipped: 20,
        damaged.overwritten: 20,
        damaged.spliced: 12,
        damaged.misnamed: 4,
        damaged.stranger: 4,
        damaged.signature: 4,
        metadata.exif: 16,
        metadata.looping: 3,
        metadata.overlapping: 1,
        metadata.swollen_text: 1,
        metadata.profile: 5,
        metadata.xmp: 3,
        metadata.comments: 1,
        costly.bomb: 1,
        costly.absurd: 8,
        costly.pages: 2,
        costly.scans: 1,
        costly.frames: 1,
        costly.grid: 3,
        costly.layout: 10,
        costly.palette: 3,
        costly.runs: 2,
        costly.comment_blocks: 1,
    }
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.__name__: kind for kind in _WEIGHTS})
"""Makers of hostile files, by name; each says in a sentence what it makes."""


def kind_of(seed: int, number: int) -> str:
    """The name of the kind that a file of the corpus is of; the first ones are one of each."""
    if number < len(KINDS):
        return list(KINDS)[number]
    rng = Random(f"{seed}:{number}")
    return rng.choices(list(KINDS), list(_WEIGHTS.values()))[0]


def sample(seed: int, number: int) -> Sample:
    """A file of the corpus, made anew from its two numbers."""
    kind = kind_of(seed, number)
    return KINDS[kind](Random(f"{seed}:{number}:{kind}"))
