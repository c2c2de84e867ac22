"""What the libraries make of photos and texts on the host, for the emulated machine to agree with."""

import json
import shutil
from pathlib import Path

import numpy as np
import pillow_heif
import rawpy
from PIL import Image
from tokenizers import Tokenizer

from photond.models.pack import load_pack
from photond.models.shelf import BUILT_IN
from tests.imaging.pictures import make_dng

_TEXTS = ("a cup of coffee", "Ünïcödé, and punctuation!", "snow " * 100, "日本の山", "")


def write_expected(folder: Path, photo: Path) -> None:
    """Write photos with their pixels, and texts with their tokens.

    Args:
        folder: Which is made.
        photo: To take the HEIC and the AVIF from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pillow_heif.register_heif_opener()
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    image.thumbnail((160, 160))
    for name in ("photo.heic", "photo.avif"):
        image.save(folder / name, quality=80)
        with Image.open(folder / name) as again:
            np.save(folder / f"{name}.npy", np.asarray(again.convert("RGB"), np.int16))
    (folder / "photo.dng").write_bytes(make_dng(None))
    with rawpy.imread(str(folder / "photo.dng")) as developed:
        np.save(folder / "photo.dng.npy", developed.postprocess().astype(np.int16))
    pack = load_pack(BUILT_IN / "mini")
    tokenizer = folder / "tokenizer.json"
    shutil.copy(pack.path_of(pack.tokenizer), tokenizer)
    encode = Tokenizer.from_file(str(tokenizer)).encode
    texts = {text: encode(text).ids for text in _TEXTS}
    (folder / "tokens.json").write_text(json.dumps(texts), "utf-8")
