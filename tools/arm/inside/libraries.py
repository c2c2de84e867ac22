"""What libraries do on the emulated machine; printed as JSON, what is right and what is not.

`python libraries.py FOLDER [CHECK]...`, where the folder holds what the host found with the same
libraries: see `tools/arm/expected.py`.
"""

import importlib
import json
import os
import pkgutil
import platform
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

_PAGE = 16384
_DIMENSION = 768


def pages(_folder: Path) -> str:
    """Memory pages, as the kernel says."""
    size = os.sysconf("SC_PAGESIZE")
    assert (size, platform.machine()) == (_PAGE, "aarch64"), (size, platform.machine())
    return f"{size} bytes on {platform.machine()}"


def imports(_folder: Path) -> str:
    """Every module of photond, which imports all its dependencies but for the late ones."""
    import photond

    for module in pkgutil.walk_packages(photond.__path__, "photond."):
        if module.name != "photond.__main__" and ".migrations." not in module.name:
            importlib.import_module(module.name)
    late = "arro3.core arro3.io dateparser ml_dtypes numkong onnx pillow_heif rawpy timg.methods"
    for name in late.split():
        importlib.import_module(name)
    files = {str(getattr(module, "__file__", "")) for module in list(sys.modules.values())}
    libraries = sum(name.endswith(".so") and "site-packages" in name for name in files)
    return f"{len(sys.modules)} modules, {libraries} of them of machine code from wheels"


def search(_folder: Path) -> str:
    """Neighbours by sqlite-vec in the SQLite of sqlean.py, against numpy."""
    import sqlean.dbapi2
    import sqlite_vec

    generator = np.random.default_rng(7)
    rows = generator.standard_normal((500, _DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    connection = sqlean.dbapi2.connect(":memory:")
    connection.enable_load_extension(True)  # noqa: FBT003 - its only argument
    sqlite_vec.load(connection)
    connection.execute(
        f"create virtual table v using vec0(embedding float[{_DIMENSION}] distance_metric=cosine)"
    )
    for number, row in enumerate(rows):
        connection.execute(
            "insert into v (rowid, embedding) values (?, ?)", (number, row.tobytes())
        )
    found = connection.execute(
        "select rowid from v where embedding match ? and k = 20 order by distance",
        (rows[3].tobytes(),),
    )
    nearest = [number for (number,) in found]
    expected = np.argsort(-(rows @ rows[3]), kind="stable")[:20].tolist()
    assert nearest == expected, (nearest, expected)
    return f"the 20 nearest of {len(rows)} as numpy finds them"


def products(_folder: Path) -> str:
    """Products of int8 by numkong, exactly."""
    import numkong

    generator = np.random.default_rng(8)
    for dimension in (1, 15, 16, 17, 384, 512, _DIMENSION, 1152):
        left, right = (
            generator.integers(-128, 128, (rows, dimension), dtype=np.int8) for rows in (300, 3)
        )
        left[0], right[0] = -128, -128  # the largest product there is
        exact = left.astype(np.int64) @ right.T.astype(np.int64)
        product = np.asarray(numkong.cdist(left, right, "dot")).reshape(exact.shape)
        assert np.array_equal(product, exact), dimension
    has = numkong.get_capabilities()
    return "with " + ", ".join(name for name, is_there in has.items() if is_there)


def heif(folder: Path) -> str:
    """A HEIC, and an AVIF by Pillow, as the host decodes them."""
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    worst = 0
    for name in ("photo.heic", "photo.avif"):
        with Image.open(folder / name) as image:
            pixels = np.asarray(image.convert("RGB"), np.int16)
        worst = max(worst, int(np.abs(pixels - np.load(folder / f"{name}.npy")).max()))
    assert worst <= 1, worst
    return f"pixels differ by at most {worst} of 255"


def raw(folder: Path) -> str:
    """A DNG, as the host develops it."""
    import rawpy

    with rawpy.imread(str(folder / "photo.dng")) as image:
        pixels = image.postprocess().astype(np.int16)
    worst = int(np.abs(pixels - np.load(folder / "photo.dng.npy")).max())
    assert worst <= 1, worst
    return f"pixels differ by at most {worst} of 255"


def tokens(folder: Path) -> str:
    """The tokens of texts, as the host has them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = json.loads((folder / "tokens.json").read_text("utf-8"))
    for text, ids in texts.items():
        assert tokenizer.encode(text).ids == ids, text
    return f"{len(texts)} texts"


def events(_folder: Path) -> str:
    """inotify, by watchdog."""
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers.inotify import InotifyObserver

    seen = threading.Event()

    class Handler(FileSystemEventHandler):
        def on_closed(self, event: FileSystemEvent) -> None:
            if Path(os.fsdecode(event.src_path)).name == "new.jpg":
                seen.set()

    observer = InotifyObserver()
    with tempfile.TemporaryDirectory() as folder:
        observer.schedule(Handler(), folder, recursive=True)
        observer.start()
        Path(folder, "new.jpg").write_bytes(b"x")
        assert seen.wait(30)
        observer.stop()
        observer.join()
    return "a file that was written"


CHECKS: dict[str, Callable[[Path], str]] = {
    check.__name__: check for check in (pages, imports, search, products, heif, raw, tokens, events)
}


def main() -> None:
    """Print `{CHECK: [whether it is right, what it found]}`."""
    folder, *names = sys.argv[1:]
    results = {}
    for name in names or CHECKS:
        try:
            results[name] = [True, CHECKS[name](Path(folder))]
        except Exception:  # noqa: BLE001 - the others are to be told of as well
            results[name] = [False, traceback.format_exc().strip().splitlines()[-1]]
    print(json.dumps(results))


if __name__ == "__main__":
    main()
