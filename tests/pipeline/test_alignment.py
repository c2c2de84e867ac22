"""The check that tells aligned towers from such as only look it."""

import msgspec
import numpy as np
import pytest

from photond.errors import ModelError
from photond.models.pack import Pack
from photond.pipeline.alignment import Alignment, reference_gaps, try_out
from photond.pipeline.pairs import KNOWN

# The seed's measurement with unpadded texts: the second picture is taken for the third.
SEED = [[-0.0671, -0.0906, -0.0774], [-0.0631, -0.0563, -0.0552], [-0.0948, -0.0739, -0.0578]]


def changed(pack: Pack, table: str, **keys: object) -> Pack:
    part = msgspec.structs.replace(getattr(pack, table), **keys)
    return msgspec.structs.replace(pack, **{table: part})


def aligned(cosines: list[list[float]]) -> Alignment:
    return Alignment(np.array(cosines, np.float32), tuple(range(len(cosines))))


def test_the_pack_that_comes_with_photond_is_aligned(mini: Pack) -> None:
    alignment = try_out(mini)
    assert alignment.is_aligned
    assert alignment.margin > 0.1


def test_the_pack_that_comes_with_photond_states_what_it_computes(mini: Pack) -> None:
    gaps = reference_gaps(mini, try_out(mini).cosines)
    assert gaps is not None
    # Rounding to five digits, and that of processors.
    assert gaps.max() < 1e-4


@pytest.mark.parametrize("mean", [0.4, 0.48, 0.52, 0.6])
def test_a_mean_that_is_a_little_off_is_noticed(mini: Pack, mean: float) -> None:
    with pytest.raises(ModelError, match=r"reference\.cosines states"):
        try_out(changed(mini, "image", mean=(mean,) * 3))


@pytest.mark.parametrize(
    ("table", "keys", "reason"),
    [
        ("image", {"std": (0.55,) * 3}, r"reference\.cosines states"),
        ("image", {"resampling": "bilinear"}, r"reference\.cosines states"),
        ("image", {"resampling": "lanczos"}, r"reference\.cosines states"),
        ("image", {"resize": "crop"}, "do not agree: it takes"),
        # ImageNet's own, which look as if they belonged to such a model.
        ("image", {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}, "do not agree"),
        ("text", {"pad_id": 1}, r"text\.pad_id = 1"),
        ("text", {"padding": "max_length", "pad_id": 1}, "do not agree"),
        ("text", {"query_prompt": "{query}"}, r"query_prompt"),
        ("text", {"context_length": 4}, r"same embedding.*context_length"),
    ],
)
def test_each_wrong_key_is_noticed(
    mini: Pack, table: str, keys: dict[str, object], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        try_out(changed(mini, table, **keys))


def test_padding_to_the_full_length_with_the_right_token_changes_nothing(mini: Pack) -> None:
    padded = try_out(changed(mini, "text", padding="max_length"))
    assert padded.cosines == pytest.approx(try_out(mini).cosines, abs=1e-5)


def test_a_reference_for_other_pictures_is_refused(mini: Pack) -> None:
    with pytest.raises(ModelError, match=r"reference\.cosines .* 3 rows of 3"):
        try_out(changed(mini, "reference", cosines=((0.5, 0.1), (0.1, 0.5))))


@pytest.mark.parametrize(
    ("cosines", "is_aligned"),
    [
        ([[0.3, 0.1], [0.1, 0.3]], True),
        (SEED, False),
        # Each picture finds its text, and one text prefers the other's picture.
        ([[0.3, 0.2], [0.31, 0.4]], False),
    ],
)
def test_the_diagonal_has_to_dominate_both_ways(
    cosines: list[list[float]], is_aligned: bool
) -> None:
    assert aligned(cosines).is_aligned == is_aligned


def test_it_is_said_what_is_taken_for_what() -> None:
    assert aligned(SEED).mistaken_pictures == [(1, 2)]
    assert aligned(SEED).mistaken_texts == [(0, 1), (2, 1)]
    assert aligned([[0.3, 0.2], [0.31, 0.4]]).mistaken_texts == [(0, 1)]


def test_several_pictures_may_share_a_text() -> None:
    cosines = np.array([[0.3, 0.1], [0.2, 0.1], [0.1, 0.4]], np.float32)
    assert Alignment(cosines, (0, 0, 1)).is_aligned
    assert not Alignment(cosines, (0, 1, 1)).is_aligned
    assert Alignment(cosines, (0, 0, 1)).margin == pytest.approx(0.1)


def test_the_known_pictures_are_in_the_order_of_the_reference() -> None:
    assert list(KNOWN) == ["cat.jpg", "coffee.jpg", "sunflowers.jpg"]
