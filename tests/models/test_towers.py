"""The towers of the pack that comes with photond, and what a score means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.errors import ModelError
from photond.models.pack import Pack, ScoreSpec
from photond.models.score import confidence
from photond.models.shelf import BUILT_IN, all_packs
from photond.models.towers import ImageTower, TextTower, normalised

SIGLIP = ScoreSpec(logit_scale=117.3309, logit_bias=-12.9324, min_confidence=0.1)


@pytest.fixture(scope="module")
def text_tower(mini: Pack) -> TextTower:
    return TextTower(mini)


def test_the_built_in_pack_is_whole(mini: Pack) -> None:
    mini.verify()
    assert list(all_packs(BUILT_IN / "nothing here")) == ["mini"]


def test_a_text_has_one_embedding_whatever_stands_beside_it(text_tower: TextTower) -> None:
    texts = ["cat", "a much longer text about a cat on a mat in a house by the sea", "", "🏖"]
    together = text_tower.embed(texts)
    assert together.shape == (4, 384)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    for text, embedding in zip(texts, together, strict=True):
        assert float(text_tower.embed([text])[0] @ embedding) > 0.99999


def test_a_tower_that_is_loaded_for_one_text_embeds_it_as_any_other(
    text_tower: TextTower, mini: Pack
) -> None:
    once = TextTower(mini, once=True).embed_query("a dog on the beach")
    assert float(once @ text_tower.embed_query("a dog on the beach")) > 0.99999


def test_a_query_is_put_into_the_packs_prompt(text_tower: TextTower, mini: Pack) -> None:
    asked = text_tower.embed_query("cat {query} {label}")
    prompt = mini.text.query_prompt.replace("{query}", "cat {query} {label}")
    assert np.array_equal(asked, text_tower.embed([prompt])[0])


def test_pictures_in_a_batch_are_embedded_as_alone(mini: Pack) -> None:
    tower = ImageTower(mini)
    random = np.random.default_rng(3)
    pixels = random.uniform(-1, 1, (3, 3, mini.image.size, mini.image.size)).astype(np.float32)
    together = tower.embed(pixels)
    assert together.shape == (3, 384)
    alone = np.concatenate([tower.embed(one[None]) for one in pixels])
    assert (together * alone).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_what_has_no_direction_is_no_embedding() -> None:
    for vector in ([0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]):
        with pytest.raises(ModelError, match="no direction"):
            normalised(np.array([vector], np.float32))


@pytest.mark.parametrize(
    ("cosine", "logit"),
    # The seed's own measurements of SigLIP base, cosine and logit.
    [(-0.0671, -20.81), (-0.0906, -23.56), (-0.0563, -19.54), (-0.0578, -19.72)],
)
def test_the_logit_is_what_siglip_itself_computes(cosine: float, logit: float) -> None:
    found = float(confidence(np.float64(cosine), SIGLIP))
    assert math.log(found / (1 - found)) == pytest.approx(logit, abs=0.02)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_confidence_rises_with_the_cosine_and_stays_a_probability(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = confidence(np.array([low, high]), SIGLIP)
    assert 0 <= found[0] <= found[1] <= 1


def test_keys_that_the_manifest_gained_leave_the_embedding_space_as_it_was(mini: Pack) -> None:
    """Another fingerprint would embed every photo of every user anew."""
    assert mini.fingerprint.startswith("a42c9836a11a9c92")
