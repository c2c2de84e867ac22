"""What a decoder process and its client say to each other."""

import struct
from zlib import crc32

import msgspec

from photond import __version__
from photond.imaging.picture import Facts, Limits
from photond.imaging.preprocess import InputSpec

READY = struct.pack("<I", crc32(__version__.encode()))
"""The first that a decoder says: it is of this version, and has given up what it does not need."""

FRAME = struct.Struct("<II")
"""Begins an answer: the length of its message and of the pixels that follow it, in bytes."""

MAX_MESSAGE = 1 << 20
"""Longest message of an answer, in bytes; a decoder that says more is broken, or taken over."""


class _Request(msgspec.Struct, frozen=True, tag=True):
    """A photo to decode; its bytes are the first `length` of the shared memory."""

    length: int
    name: str
    limits: Limits


class ForTower(_Request, frozen=True):
    """It is wanted as `to_square` makes it."""

    spec: InputSpec


class ForViewer(_Request, frozen=True):
    """It is wanted in its proportions, and at most so wide and high, in pixels."""

    size: tuple[int, int]


Request = ForTower | ForViewer


class Done(msgspec.Struct, frozen=True, tag=True):
    """The photo was decoded; its pixels follow: uint8 of shape (height, width, 3), red, green, blue."""

    facts: Facts
    perceptual_hash: bytes
    width: int
    height: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The photo cannot be decoded."""

    reason: str


Answer = Done | Refused
