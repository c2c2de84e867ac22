"""CLIP, ViT-B/32: cropped pictures, byte-pair tokens, a mask, and projected outputs."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the dependency group `parity` is not installed")
pytest.importorskip("transformers", reason="the dependency group `parity` is not installed")

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

from photond.errors import ModelError
from photond.models.score import confidence
from photond.models.towers import ImageTower, TextTower, available_cores
from tests.parity import vocabularies
from tests.parity.files import large_files, sample, small_files
from tests.parity.twins import (
    BATCH,
    TOKENS,
    TOLERANCE,
    Twins,
    assert_told_apart,
    distance,
    embed_files,
    export,
    spread,
    with_image,
    with_text,
    worst_difference,
    write_pack,
)

pytestmark = pytest.mark.parity

TEXTS = [
    "a photo of a dog",
    "a photo of a cat",
    "A PHOTO of a Dog in the SNOW!",
    "the dog's life: they'll go & we're (50%) off",
    "word " * 100,
    "",
    "🏖 with 👨‍👩‍👧 and 🦄",
    "كلب في الثلج",
    "日落海滩",
    "cre\u0300me bru\u0302le\u0301e",
    "a\ttab,\na new line   and spaces",
]


@pytest.fixture(scope="module")
def clip(shelf: Path) -> Twins:
    """CLIP as published, with other weights."""
    folder = shelf / "clip"
    folder.mkdir()
    torch.manual_seed(32)
    model = CLIPModel(CLIPConfig()).eval()
    spread(model, attention=6, values=2)
    with torch.no_grad():
        model.logit_scale.fill_(np.log(100.0))
    tokenizer = vocabularies.clip(folder, model.config.text_config.vocab_size)
    ids = torch.randint(0, 49_406, (2, 12))
    ids[:, -1] = tokenizer.eos_token_id
    export(
        folder / "text_model.onnx",
        model,
        _text_outputs,
        {"input_ids": ids},
        {"text_embeds": BATCH, "last_hidden_state": TOKENS},
    )
    export(
        folder / "vision_model.onnx",
        model,
        _image_outputs,
        {"pixel_values": torch.rand(2, 3, 224, 224)},
        {"image_embeds": BATCH, "last_hidden_state": BATCH},
    )
    pack = write_pack(folder, "clip-vit-base-patch32")
    return Twins(
        model,
        CLIPProcessor(CLIPImageProcessorPil(), tokenizer),
        {"padding": True, "max_length": 77, "truncation": True},
        pack,
        TextTower(pack, available_cores()),
        ImageTower(pack, available_cores()),
    )


@pytest.fixture(scope="module")
def masked(clip: Twins) -> TextTower:
    """The text tower as other exports have it: with a mask, and padded with the end token."""
    file = "text_model_with_mask.onnx"
    ids = torch.randint(0, 49_406, (2, 12))
    export(
        clip.pack.folder / file,
        clip.model,
        _text_outputs,
        {"input_ids": ids, "attention_mask": torch.ones_like(ids)},
        {"text_embeds": BATCH, "last_hidden_state": TOKENS},
    )
    text = {
        "file": file,
        "attention_mask": "attention_mask",
        "pad_id": 49_407,
        "canonicalise": "none",  # its tokenizer lowers the case by itself
    }
    pack = write_pack(clip.pack.folder, "clip-vit-base-patch32", text=text)
    return TextTower(pack, available_cores())


def _text_outputs(model: CLIPModel, ids: torch.Tensor, mask: torch.Tensor | None = None) -> tuple:
    output = model.get_text_features(input_ids=ids, attention_mask=mask)
    return output.pooler_output, output.last_hidden_state


def _image_outputs(model: CLIPModel, pixels: torch.Tensor) -> tuple:
    output = model.get_image_features(pixel_values=pixels)
    return output.pooler_output, output.last_hidden_state


def test_texts_become_the_embeddings_that_the_reference_makes(
    clip: Twins, figures: list[str]
) -> None:
    found = clip.texts.embed(TEXTS)
    worst = worst_difference(found, clip.reference_texts(TEXTS))
    figures.append(f"CLIP, {len(TEXTS)} texts: worst difference {worst:.1e}")
    assert worst < TOLERANCE
    assert_told_apart(found, least=0.005)


def test_a_text_tower_with_a_mask_is_given_the_tokens_and_the_mask_of_the_reference(
    clip: Twins, masked: TextTower
) -> None:
    found, expected = masked.tokenizer.encode(TEXTS), clip.reference_tokens(TEXTS)
    assert np.array_equal(found.ids, expected["input_ids"])
    assert np.array_equal(found.attention_mask, expected["attention_mask"])
    assert worst_difference(masked.embed(TEXTS), clip.reference_texts(TEXTS)) < TOLERANCE


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="Σ"), max_size=100))
def test_any_text_becomes_the_tokens_that_the_reference_makes(clip: Twins, text: str) -> None:
    """But for a Greek sigma at the end of a word, which the reference lowers as one within a word."""
    expected = clip.reference_tokens([text])["input_ids"].numpy()
    assert np.array_equal(clip.texts.tokenizer.encode([text]).ids, expected)


def test_files_become_the_embeddings_that_the_reference_makes(
    clip: Twins, figures: list[str]
) -> None:
    files = small_files()
    found = clip.embed_files([file.data for file in files.values()])
    expected = clip.reference_pictures([file.shown for file in files.values()])
    differences = np.abs(found - expected).max(axis=1)
    figures.append(f"CLIP, {len(files)} kinds of files: worst difference {differences.max():.1e}")
    wrong = {name: one for name, one in zip(files, differences, strict=True) if one >= TOLERANCE}
    assert wrong == {}


def test_pictures_that_differ_have_embeddings_that_differ(clip: Twins) -> None:
    names = ["cat", "coffee", "moon", "mountain", "rocket", "sunflowers"]
    assert_told_apart(clip.reference_pictures([sample(name) for name in names]), least=0.005)


def test_a_pack_that_is_wrong_would_not_pass(clip: Twins) -> None:
    data = small_files()["JPEG"].data
    right = clip.embed_files([data])[0]
    for wrong in ({"resize": "squash"}, {"resampling": "lanczos"}, {"mean": (0.5, 0.5, 0.5)}):
        found = embed_files(with_image(clip.pack, **wrong), clip.pictures, [data])[0]
        assert worst_difference(found, right) > 10 * TOLERANCE
    text = ["A photo of a Dog " * 10]
    right = clip.texts.embed(text)[0]
    found = TextTower(with_text(clip.pack, context_length=32)).embed(text)[0]
    assert worst_difference(found, right) > 10 * TOLERANCE


def test_a_pack_that_is_silent_about_the_mask_is_refused(masked: TextTower) -> None:
    with pytest.raises(ModelError, match="attention_mask"):
        TextTower(with_text(masked._pack, attention_mask=None))


def test_padding_changes_nothing_since_no_token_looks_ahead(clip: Twins) -> None:
    always = TextTower(with_text(clip.pack, padding="max_length"), available_cores())
    assert worst_difference(always.embed(TEXTS), clip.texts.embed(TEXTS)) < TOLERANCE


def test_logits_and_confidences_are_those_of_the_reference(clip: Twins) -> None:
    names = ["cat", "coffee", "moon"]
    pictures = clip.processor(images=[sample(name) for name in names], return_tensors="pt")
    with torch.inference_mode():
        logits = clip.model(**clip.reference_tokens(TEXTS), **pictures).logits_per_image.numpy()
    cosines = clip.reference_pictures([sample(n) for n in names]) @ clip.texts.embed(TEXTS).T
    score = clip.pack.score
    assert np.abs(score.logit_scale * cosines - logits).max() < score.logit_scale * TOLERANCE
    # The model has no bias, and photond one of its own.
    expected = 1 / (1 + np.exp(-logits - score.logit_bias))
    assert confidence(cosines, score) == pytest.approx(expected, rel=0.01, abs=1e-6)


def test_large_photos_are_read_at_a_lower_scale_at_next_to_no_cost(
    clip: Twins, figures: list[str]
) -> None:
    lost = [
        distance(clip.embed_files([file.data])[0], clip.reference_pictures([file.shown])[0])
        for file in large_files("JPEG", 4)
    ]
    figures.append(
        f"CLIP, {len(lost)} JPEGs of 12 megapixels: "
        f"1 - cosine {np.mean(lost):.1e} on average, {max(lost):.1e} at worst"
    )
    assert max(lost) < 1e-4
