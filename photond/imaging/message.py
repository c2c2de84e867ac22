"""What a decoder process and its client say to each other."""

import struct

import msgspec

from photond.imaging.picture import Facts, Limits
from photond.imaging.preprocess import InputSpec

FRAME = struct.Struct("<II")
"""Begins an answer: the length of its message and of the tensor that follows it, in bytes."""

MAX_MESSAGE = 1 << 20
"""Longest message of an answer, in bytes; a decoder that says more is broken, or taken over."""


class Request(msgspec.Struct, frozen=True):
    """A photo to decode; its bytes are the first `length` of the shared memory."""

    length: int
    name: str
    spec: InputSpec
    limits: Limits


class Done(msgspec.Struct, frozen=True, tag=True):
    """The photo was decoded; its tensor follows."""

    facts: Facts
    perceptual_hash: bytes


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The photo cannot be decoded."""

    reason: str


Answer = Done | Refused
