"""Whether a pack's towers agree: known pictures against known texts."""

from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.imaging.decode import decode
from photond.imaging.picture import Limits
from photond.imaging.preprocess import to_tensor
from photond.models.pack import Pack
from photond.models.towers import ImageTower, TextTower, available_cores
from photond.pipeline.inputs import input_spec

# What the pictures in photond/alignment/ show, in words that any model of everyday photos has.
KNOWN = {"cat.jpg": "a cat", "coffee.jpg": "a cup of coffee", "sunflowers.jpg": "sunflowers"}


@dataclass(frozen=True, slots=True)
class Alignment:
    """How alike known pictures and known texts are to a pack.

    Attributes:
        cosines: float32 of shape (pictures, texts); each picture's own text stands on the diagonal.
    """

    cosines: npt.NDArray[np.float32]

    @property
    def is_aligned(self) -> bool:
        """Whether each picture is most like its own text, and each text most like its own picture.

        Towers that were not trained together, a wrong output, or a text without its padding fail this,
        though every vector looks like an embedding.
        """
        own = np.arange(len(self.cosines))
        by_picture = np.array_equal(self.cosines.argmax(axis=1), own)
        by_text = np.array_equal(self.cosines.argmax(axis=0), own)
        return by_picture and by_text

    @property
    def margin(self) -> float:
        """The least lead of a picture's own text over another, as a difference of cosines."""
        own = np.diag(self.cosines)
        others = self.cosines - np.where(np.eye(len(own), dtype=bool), np.inf, 0)
        return float((own - others.max(axis=1)).min())


def align(pack: Pack) -> Alignment:
    """Hold the known pictures against the known texts, through the whole way of both.

    Raises:
        ModelError: A tower cannot be used.
    """
    spec = input_spec(pack.image)
    folder = resources.files("photond").joinpath("alignment")
    pictures = [
        decode(folder.joinpath(name).read_bytes(), name=name, min_side=spec.size, limits=Limits())
        for name in KNOWN
    ]
    pixels = np.stack([to_tensor(picture.image, spec) for picture in pictures])
    images = ImageTower(pack, available_cores()).embed(pixels)
    tower = TextTower(pack, available_cores())
    texts = np.stack([tower.embed_query(text) for text in KNOWN.values()])
    return Alignment(images @ texts.T)


def try_out(pack: Pack) -> Alignment:
    """Verify every file of a pack, run both towers, and see that they agree.

    Raises:
        ModelError: Something is missing, damaged, or not what `model.toml` says.
    """
    pack.verify()
    alignment = align(pack)
    if not alignment.is_aligned:
        raise ModelError(
            f"the towers of the pack {pack.name!r} do not agree: it takes known pictures for others",
            "Most often an output, a pad id or a mean in its model.toml is wrong.",
        )
    return alignment
