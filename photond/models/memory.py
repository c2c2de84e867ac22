"""Giving memory back to the system."""

import ctypes
import gc


def release_memory() -> None:
    """Give memory that was freed back to the system, which the C library otherwise keeps for later."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc has it, musl gives memory back by itself
        trim(0)
