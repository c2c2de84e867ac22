"""What a photo costs at least: its decoding and its tower, each measured alone.

The decoder and the onnxruntime session are called directly, nothing else runs, and every core that the
measured program may use does the same at the same time in a process of its own: so the bound knows what
cores that are busy together take from each other (clock, caches, memory), and nothing of photond's own
threads, queue, hashes and rows.
"""

import multiprocessing
import os
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photond.imaging.decode import decode
from photond.imaging.picture import Limits
from photond.imaging.tensor import to_tensor
from photond.models.pack import load_pack
from photond.models.sessions import open_session
from photond.pipeline.inputs import input_spec

_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Bound:
    """What one photo costs at least, in processor seconds.

    Attributes:
        decode: From its bytes to the tower's input.
        tower: From there to its embedding.
    """

    decode: float
    tower: float

    @property
    def seconds(self) -> float:
        """Both."""
        return self.decode + self.tower


@contextmanager
def only_on(cores: Collection[int]) -> Iterator[None]:
    """Run this process, and what it starts meanwhile, on some cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def measure_bound(pack: Path, paths: Sequence[Path], cores: Sequence[int]) -> Bound:
    """Measure what photos cost at least, on all of some cores at once; the mean over them.

    Args:
        pack: The pack's folder.
        paths: Photos of which each is as likely in what is measured, such as one period of a set.
        cores: The numbers of the cores.
    """
    spawn = multiprocessing.get_context("spawn")
    # With these cores alone from the beginning, as what is measured against it has them: onnxruntime
    # looks at how many there are when it is loaded, and takes other products of int8 on one than on two.
    with only_on(cores), ProcessPoolExecutor(len(cores), mp_context=spawn) as pool:
        barrier_at = time.monotonic() + 2.0
        found = list(
            pool.map(
                _measure_on,
                *zip(*((core, pack, list(paths), barrier_at) for core in cores), strict=True),
            )
        )
    return Bound(
        sum(one.decode for one in found) / len(found), sum(one.tower for one in found) / len(found)
    )


def _measure_on(core: int, pack_folder: Path, paths: list[Path], begins_at: float) -> Bound:
    os.sched_setaffinity(0, {core})
    pack = load_pack(pack_folder)
    spec = input_spec(pack.image)
    session = open_session(pack.path_of(pack.image), 1)
    data = [path.read_bytes() for path in paths]

    def tensor_of(number: int) -> np.ndarray:
        picture = decode(data[number], name=paths[number].name, min_side=spec.size, limits=Limits())
        return to_tensor(picture.image, spec)

    def run(tensor: np.ndarray) -> None:
        session.run([pack.image.output], {pack.image.input: tensor[np.newaxis]})

    run(tensor_of(0))
    time.sleep(max(0.0, begins_at - time.monotonic()))
    decoding, running, count = 0.0, 0.0, 0
    # In turns, as photos are indexed, and for so long that a moment's noise is not all there is.
    while count % len(paths) or time.monotonic() < begins_at + _SECONDS:
        # Of the process, because some decoders have threads of their own.
        started = time.process_time()
        tensor = tensor_of(count % len(paths))
        decoded = time.process_time()
        run(tensor)
        decoding += decoded - started
        running += time.process_time() - decoded
        count += 1
    return Bound(decoding / count, running / count)
