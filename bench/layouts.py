"""How onnxruntime sessions are best laid out over cores, for each precision.

photond has one session whose calls compute on one thread, and calls it from as many workers as there are
cores. Against it stand, each on the same cores in the same run, in turns:

- a session of its own for each worker,
- one session that computes one picture with as many threads as there are cores,
- photond's layout with 4 and with 8 pictures a call.

A layout's figures are the best of some rounds: photos a second, which other programs on the machine
disturb, and photos a processor second, which says nothing of cores that wait. Nothing is demanded of the
others: that none of them is much faster is what photond's own layout rests on (docs/decisions.md).

    python -m bench.layouts [--rounds 5] [--cache DIR] [--packs mini] [--cores 1 2] [--json]
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench import packs
from bench.bound import only_on
from bench.index import CACHE, PACKS
from bench.measurement import Measurement, run_benchmark
from photond.models.pack import Pack
from photond.models.sessions import open_session

_SECONDS = 1.0
_BATCHES = (4, 8)
_OWN = "one session, a thread a call"

_UNITS = ("photos/s", "photos/CPU s")

Call = Callable[[int], object]
Rates = tuple[float, float]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps the packs")
    parser.add_argument("--packs", nargs="+", choices=PACKS, default=PACKS)
    parser.add_argument("--cores", type=int, nargs="+", help="1, 2 and all if not given")
    parser.add_argument("--rounds", type=int, default=3)


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Photos a second, and a processor second, of each layout, against photond's."""
    available = sorted(os.sched_getaffinity(0))
    counts = sorted(set(options.cores or (1, 2, len(available))) & set(range(len(available) + 1)))
    rows = []
    for name in options.packs:
        pack = packs.find(name, options.cache)
        for count in counts:
            with only_on(available[:count]):
                rates = _rates(pack, count, options.rounds)
            own = rates.pop(_OWN)
            rows += [
                Measurement("layouts", f"{name}, cores {count}: {layout}", value, base, unit, _OWN)
                for layout, rate in rates.items()
                for value, base, unit in zip(rate, own, _UNITS, strict=True)
            ]
    return rows


def _rates(pack: Pack, cores: int, rounds: int) -> dict[str, Rates]:
    """What each layout comes to, the best of some rounds in which all have their turn."""
    layouts = _layouts(pack, cores)
    best = dict.fromkeys(layouts, (0.0, 0.0))
    for _ in range(rounds):
        for name, (workers, batch, call) in layouts.items():
            before = best[name]
            wall, processor = _calls_a_second(workers, call)
            best[name] = max(before[0], batch * wall), max(before[1], batch * processor)
    return best


def _layouts(pack: Pack, cores: int) -> Mapping[str, tuple[int, int, Call]]:
    """For each layout how many workers call, how many pictures a call has, and the call."""
    path, spec = pack.path_of(pack.image), pack.image
    random = np.random.default_rng(0)

    def pixels(count: int) -> npt.NDArray[np.float32]:
        return random.standard_normal((count, 3, spec.size, spec.size), np.float32)

    shared, one = open_session(path, 1), pixels(1)
    layouts: dict[str, tuple[int, int, Call]] = {
        _OWN: (cores, 1, lambda _: shared.run([spec.output], {spec.input: one}))
    }
    for size in _BATCHES:
        several = pixels(size)

        def call(_: int, several: npt.NDArray[np.float32] = several) -> object:
            return shared.run([spec.output], {spec.input: several})

        layouts[f"{size} pictures a call"] = (cores, size, call)
    if cores > 1:
        each: Sequence[object] = [open_session(path, 1) for _ in range(cores)]
        layouts["a session a worker"] = (
            cores,
            1,
            lambda worker: each[worker].run([spec.output], {spec.input: one}),
        )
        wide = open_session(path, cores)
        layouts["all threads for a picture"] = (
            1,
            1,
            lambda _: wide.run([spec.output], {spec.input: one}),
        )
    for workers, _, call in layouts.values():
        for worker in range(workers):
            call(worker)
    return layouts


def _calls_a_second(workers: int, call: Call) -> Rates:
    until = time.perf_counter() + _SECONDS

    def work(worker: int) -> tuple[int, float]:
        """How many calls one worker made, and how many a second by the time that they took."""
        started, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() < until:
            call(worker)
            calls += 1
        return calls, calls / (time.perf_counter() - started)

    before = time.process_time()
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(work, range(workers)))
    used = time.process_time() - before
    return sum(rate for _, rate in done), sum(calls for calls, _ in done) / used


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
