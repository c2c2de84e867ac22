"""Towers that are kept as they were made ready: they compute the same, and nothing depends on them."""

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from photond.models import hashes
from photond.models import prepared as module
from photond.models.hashes import sha256_of
from photond.models.pack import Pack
from photond.models.prepared import DATA, GRAPH, Origin, PreparedTowers, origin_of
from photond.models.runtime import onnxruntime
from photond.models.shelf import BUILT_IN
from photond.models.towers import Embeddings, ImageTower, TextTower

TEXTS = ["a cat", "a dog on the beach"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "towers"


@pytest.fixture
def kept(place: Path, tiny: Pack) -> PreparedTowers:
    return PreparedTowers(place, tiny.folder.parent)


def pictures(pack: Pack) -> Embeddings:
    side = pack.image.size
    return np.random.default_rng(5).uniform(-1, 1, (1, 3, side, side)).astype(np.float32)


def embedded(pack: Pack, prepared: PreparedTowers | None, **how: bool | int) -> tuple[bytes, bytes]:
    """What both towers compute, to the last bit."""
    image = ImageTower(pack, **how, prepared=prepared).embed(pictures(pack))
    text = TextTower(pack, **how, prepared=prepared).embed(TEXTS)
    return image.tobytes(), text.tobytes()


def folder_of(place: Path, sha256: str | None) -> Path:
    origin = origin_of(str(sha256), onnxruntime.__version__)
    assert origin is not None
    return place / origin.key


def names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["mini", "tiny", "quantised"])
def test_a_prepared_tower_computes_the_same_numbers_to_the_last_bit(
    name: str, threads: int, once: bool, place: Path, request: pytest.FixtureRequest
) -> None:
    pack: Pack = request.getfixturevalue(name)
    kept = PreparedTowers(place, pack.folder.parent)
    how = {"threads": threads, "once": once}
    plain = embedded(pack, None, **how)
    assert embedded(pack, kept, **how) == plain  # it is made
    assert len(names(place)) == 2
    assert embedded(pack, kept, **how) == plain  # it is found


def test_one_that_was_made_for_many_calls_serves_a_process_that_makes_one_and_the_other_way(
    tiny: Pack, place: Path
) -> None:
    for first in (True, False):
        shutil.rmtree(place, ignore_errors=True)
        kept = PreparedTowers(place, tiny.folder.parent)
        embedded(tiny, kept, once=first)
        data = {path: path.stat().st_mtime_ns for path in place.glob(f"*/{DATA}")}
        assert len(data) == 2
        assert embedded(tiny, kept, once=not first) == embedded(tiny, None, once=not first)
        assert data == {path: path.stat().st_mtime_ns for path in place.glob(f"*/{DATA}")}


MEMORY = """
import sys
from pathlib import Path
from photond.models.pack import load_pack
from photond.models.prepared import PreparedTowers
from photond.models.shelf import BUILT_IN
from photond.models.towers import TextTower

def own():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3

before = own()
tower = TextTower(load_pack(BUILT_IN / "mini"), prepared=PreparedTowers(Path(sys.argv[1]), BUILT_IN))
tower.embed(["a cat"])
print(own() - before)
"""


def test_the_weights_are_not_the_processs_own_memory(place: Path) -> None:
    """They are pages of the file, also in the process that has made it."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(place)], capture_output=True, text=True, check=True
        )
        (data,) = place.glob(f"*/{DATA}")
        assert float(done.stdout) < data.stat().st_size / 1e6 / 4


def test_the_next_load_does_not_hash_what_was_just_written(
    kept: PreparedTowers, tiny: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ImageTower(tiny, prepared=kept)

    def refuse(path: Path) -> str:
        pytest.fail(f"{path} is hashed")

    monkeypatch.setattr(hashes, "sha256_of", refuse)
    origin = origin_of(str(tiny.image.sha256), onnxruntime.__version__)
    assert origin is not None
    assert kept.find(origin) is not None


def flip_a_bit(folder: Path) -> None:
    content = bytearray((folder / DATA).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / DATA).write_bytes(content)


def restate(folder: Path, **files: str | None) -> None:
    """Have the statement say something else of the files, or nothing."""
    file = folder / "prepared.json"
    statement = json.loads(file.read_text())
    statement["files"] |= files
    statement["files"] = {name: sha256 for name, sha256 in statement["files"].items() if sha256}
    file.write_text(json.dumps(statement))


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_bit,
        lambda folder: os.truncate(folder / DATA, 4096),
        lambda folder: (folder / DATA).unlink(),
        lambda folder: (folder / GRAPH).unlink(),
        lambda folder: (folder / "prepared.json").unlink(),
        lambda folder: (folder / "prepared.json").write_text("{"),
        lambda folder: restate(folder, **{GRAPH: None}),
        lambda folder: (folder / DATA).chmod(0o666),
        lambda folder: folder.chmod(0o777),
        lambda folder: (shutil.rmtree(folder), folder.write_bytes(b"a file")),
        lambda folder: (shutil.rmtree(folder), folder.symlink_to(folder / "nothing")),
    ],
)
def test_one_that_is_damaged_or_not_ours_alone_is_made_again(
    damage: Callable[[Path], object], kept: PreparedTowers, place: Path, tiny: Pack
) -> None:
    plain = embedded(tiny, None)
    embedded(tiny, kept)
    folder = folder_of(place, tiny.image.sha256)
    before = sha256_of(folder / DATA)
    damage(folder)
    assert embedded(tiny, kept) == plain
    assert sha256_of(folder / DATA) == before
    assert folder.stat().st_mode & 0o777 == 0o700


def test_one_that_onnxruntime_cannot_load_is_given_up_and_not_made_again_soon(
    kept: PreparedTowers, place: Path, tiny: Pack, monkeypatch
) -> None:
    plain = embedded(tiny, None)
    embedded(tiny, kept)
    folder = folder_of(place, tiny.text.sha256)
    (folder / GRAPH).write_bytes(b"no graph")
    restate(folder, **{GRAPH: sha256_of(folder / GRAPH)})
    for prepared in (kept, PreparedTowers(place, tiny.folder.parent)):
        assert embedded(tiny, prepared) == plain
        assert not folder.exists()
    monkeypatch.setattr(module, "_PATIENCE", 0)
    assert embedded(tiny, PreparedTowers(place, tiny.folder.parent)) == plain
    assert folder.is_dir()
    assert len(names(place)) == 2  # and nothing says any more that it failed


@contextmanager
def no_large_files(_place: Path) -> Iterator[None]:
    """As on a disk that becomes full while the weights are written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def a_file_in_its_place(place: Path) -> Iterator[None]:
    place.parent.mkdir()
    place.touch()
    yield


@contextmanager
def no_room(_place: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        usage = shutil.disk_usage("/")._replace(free=module._RESERVE)
        patch.setattr(shutil, "disk_usage", lambda _path: usage)
        yield


@contextmanager
def an_unknown_processor(_place: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.processor, "identity", lambda: None)
        yield


@pytest.mark.parametrize(
    "trouble", [no_large_files, a_file_in_its_place, no_room, an_unknown_processor]
)
def test_where_it_cannot_be_kept_the_tower_works_all_the_same(
    trouble, kept: PreparedTowers, place: Path, tiny: Pack
) -> None:
    plain = embedded(tiny, None)
    with trouble(place):
        for _ in range(2):
            assert embedded(tiny, kept) == plain
    assert not list(place.parent.rglob(DATA))


def test_of_many_who_load_a_tower_at_once_one_makes_it(
    kept: PreparedTowers, place: Path, tiny: Pack
) -> None:
    plain = embedded(tiny, None)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: embedded(tiny, kept), range(8))) == {plain}
    keys = {folder_of(place, spec.sha256).name for spec in (tiny.image, tiny.text)}
    assert names(place) == keys


def test_while_another_process_makes_it_the_tower_is_loaded_from_its_pack(
    kept: PreparedTowers, place: Path, tiny: Pack
) -> None:
    folder = folder_of(place, tiny.image.sha256)
    unfinished = place / f".unfinished-{folder.name}"
    unfinished.mkdir(parents=True)
    descriptor = os.open(unfinished, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    plain = embedded(tiny, None)
    assert embedded(tiny, kept) == plain
    assert unfinished.is_dir()
    assert not folder.exists()
    os.close(descriptor)
    assert embedded(tiny, kept) == plain
    assert folder.is_dir()
    assert not unfinished.exists()


DEATH = """
import os, sys
from pathlib import Path
from photond.models.prepared import Origin, PreparedTowers

def die(_tower, folder):
    (folder / "tower.data").write_bytes(bytes(1000))
    os._exit(3)

kept = PreparedTowers(Path(sys.argv[1]), Path("/nowhere"))
kept.make(Origin("0" * 64, "", ""), Path("/dev/null"), die)
"""


def test_what_a_process_left_that_died_at_it_is_removed_by_the_next(
    kept: PreparedTowers, place: Path, tiny: Pack
) -> None:
    done = subprocess.run([sys.executable, "-c", DEATH, str(place)], check=False)
    assert done.returncode == 3
    (left,) = place.glob(".unfinished-*")
    assert (left / DATA).exists()
    embedded(tiny, kept)
    assert not left.exists()


def write_little(_tower: Path, folder: Path) -> None:
    (folder / GRAPH).write_bytes(b"graph")


def test_what_another_version_made_goes_and_what_is_for_another_processor_stays(
    kept: PreparedTowers, place: Path, tiny: Pack, mini: Pack
) -> None:
    sha256 = str(tiny.image.sha256)
    old, new, elsewhere = (Origin(sha256, *rest) for rest in (("a", "1"), ("a", "2"), ("b", "1")))
    built_in = Origin(str(mini.text.sha256), "a", "1")
    gone = Origin("0" * 64, "a", "1")
    for origin in (gone, elsewhere, built_in, old, new):
        kept.make(origin, tiny.path_of(tiny.image), write_little)
    assert names(place) == {new.key, elsewhere.key, built_in.key}
    assert kept.find(old) is None
    assert kept.bytes_of(tiny) == sum(
        file.stat().st_size for key in (new.key, elsewhere.key) for file in (place / key).iterdir()
    )


def test_there_are_never_more_than_a_few_and_the_one_that_was_unused_for_longest_goes(
    kept: PreparedTowers, place: Path, tiny: Pack
) -> None:
    origins = [Origin(str(tiny.image.sha256), str(number), "") for number in range(10)]
    for hours, origin in enumerate(origins[:8]):
        kept.make(origin, tiny.path_of(tiny.image), write_little)
        os.utime(place / origin.key, (hours * 3600, hours * 3600))
    kept.find(origins[0])
    for origin in origins[8:]:
        kept.make(origin, tiny.path_of(tiny.image), write_little)
    left = [origins[0], *origins[3:]]
    assert names(place) == {origin.key for origin in left}


def test_only_packs_that_are_at_hand_count(kept: PreparedTowers, place: Path, mini: Pack) -> None:
    assert mini.folder.parent == BUILT_IN
    embedded(mini, kept)
    assert kept.bytes_of(mini) > 50e6
    kept.prune()
    assert len(names(place)) == 2
