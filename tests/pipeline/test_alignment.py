"""The check that tells aligned towers from such as only look it."""

import msgspec
import numpy as np
import pytest

from photond.errors import ModelError
from photond.models.pack import Pack
from photond.pipeline.alignment import Alignment, align, try_out


def test_the_pack_that_comes_with_photond_is_aligned(mini: Pack) -> None:
    alignment = try_out(mini)
    assert alignment.is_aligned
    assert alignment.margin > 0.1


def test_pictures_fed_in_wrongly_are_noticed(mini: Pack) -> None:
    """A mean that is far off makes every picture black, and all of them alike."""
    image = msgspec.structs.replace(mini.image, mean=(60.0, 60.0, 60.0))
    broken = msgspec.structs.replace(mini, image=image)
    assert not align(broken).is_aligned
    with pytest.raises(ModelError, match="do not agree"):
        try_out(broken)


@pytest.mark.parametrize(
    ("cosines", "is_aligned"),
    [
        ([[0.3, 0.1], [0.1, 0.3]], True),
        # The seed's measurement with unpadded texts: the second picture is taken for the third.
        (
            [[-0.0671, -0.0906, -0.0774], [-0.0631, -0.0563, -0.0552], [-0.0948, -0.0739, -0.0578]],
            False,
        ),
        # Each picture finds its text, and one text prefers the other's picture.
        ([[0.3, 0.2], [0.31, 0.4]], False),
    ],
)
def test_the_diagonal_has_to_dominate_both_ways(
    cosines: list[list[float]], is_aligned: bool
) -> None:
    assert Alignment(np.array(cosines, np.float32)).is_aligned == is_aligned
