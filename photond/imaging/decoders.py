"""Decoder processes for a pool of threads."""

import threading
from collections.abc import Callable

from photond.imaging.decoder import Decoder


class Decoders:
    """A decoder for each thread that asks for one.

    Args:
        make: Gives a new one.
    """

    def __init__(self, make: Callable[[], Decoder]) -> None:
        self._make = make
        self._own = threading.local()
        self._all: list[Decoder] = []

    @property
    def own(self) -> Decoder:
        """The calling thread's."""
        if not hasattr(self._own, "decoder"):
            self._own.decoder = self._make()
            self._all.append(self._own.decoder)
        decoder: Decoder = self._own.decoder
        return decoder

    def close(self) -> None:
        """End all processes; no thread may be waiting for one."""
        for decoder in self._all:
            decoder.close()
