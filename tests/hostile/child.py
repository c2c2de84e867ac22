"""The process that reads hostile files: whether it crashes, hangs or runs out of memory is asked."""

import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from photond.errors import PictureError
from photond.imaging.picture import Limits
from photond.pipeline.read import read_photo
from tests.fuzz.targets import look
from tests.hostile.corpus import sample
from tests.hostile.costly import LIMIT
from tests.hostile.sample import PICTURE, REFUSED, Sample
from tests.imaging.pictures import BLUE, GREEN, RED, YELLOW, assert_close, corners

MAX_SECONDS = 5.0
"""The limit of one photo."""

_MAX_BYTES = 100_000_000
# Of addresses, libraries included: what the process has before it reads anything is some 700 MB.
_MAX_ADDRESSES = 3_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    Attributes:
        number: Which one of the corpus.
        result: `"picture"`, `"refused"`, or `"wrong"`.
        detail: The reason of a refusal, or what was wrong.
        seconds: Of processor time, of all threads.
        megabytes: The most memory that the process had meanwhile, above what it had before.
    """

    number: int
    result: str
    detail: str
    seconds: float
    megabytes: float


def main(seed: int, first: int, end: int) -> None:
    """Read the files from `first` up to `end`, saying when one is begun and what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_ADDRESSES, _MAX_ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        for number in range(first, end):
            print(number, flush=True)
            outcome = _outcome(number, sample(seed, number), Path(folder))
            print(json.dumps(asdict(outcome)), flush=True)


def _outcome(number: int, hostile: Sample, folder: Path) -> Outcome:
    path = folder / hostile.name
    path.write_bytes(hostile.data)
    Path("/proc/self/clear_refs").write_text(
        "5", "ascii"
    )  # resets the high-water mark, proc_pid(5)
    before, started = _memory("VmRSS"), time.process_time()
    try:
        result, detail = "picture", _look(path, hostile)
    except PictureError as error:
        result, detail = "refused", error.reason
        if hostile.expected == PICTURE:
            result, detail = "wrong", f"a photo was refused: {error.reason}"
    except (Exception, MemoryError) as error:  # noqa: BLE001 - that there is none of it is the test
        result, detail = "wrong", f"{type(error).__name__}: {error}"[:500]
    path.unlink()
    seconds = time.process_time() - started
    return Outcome(number, result, detail, seconds, max(0.0, _memory("VmHWM") - before))


def _look(path: Path, hostile: Sample) -> str:
    limits = Limits(max_pixels=LIMIT, max_seconds=MAX_SECONDS)
    picture = look(read_photo(str(path), _MAX_BYTES).data, hostile.name, limits)
    assert hostile.expected != REFUSED, "what is no photo was taken for one"
    if hostile.shows_quadrants:
        assert_close(corners(picture.image), [RED, GREEN, BLUE, YELLOW], by=30)
    return picture.facts.format


def _memory(field: str) -> float:
    """Of this process, in megabytes."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition(f"{field}:")[2].split()[0]) / 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
