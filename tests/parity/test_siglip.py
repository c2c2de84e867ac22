"""SigLIP base, patch 16, 224 pixels: from text and from file to the embedding of the reference."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the dependency group `parity` is not installed")
pytest.importorskip("transformers", reason="the dependency group `parity` is not installed")

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipProcessor

from photond.errors import ModelError
from photond.imaging.tensor import to_tensor
from photond.models.pack import Pack
from photond.models.score import confidence
from photond.models.towers import ImageTower, TextTower, available_cores, normalised
from photond.pipeline.alignment import try_out
from photond.pipeline.inputs import input_spec
from tests.parity import vocabularies
from tests.parity.files import PhotoFile, large_files, sample, small_files
from tests.parity.twins import (
    BATCH,
    TOKENS,
    TOLERANCE,
    Twins,
    assert_told_apart,
    distance,
    embed_files,
    export,
    quantised,
    spread,
    with_image,
    with_text,
    worst_difference,
    write_pack,
)

pytestmark = pytest.mark.parity

# As published.
LOGIT_SCALE, LOGIT_BIAS = 117.3309, -12.9324
TEXTS = [
    "a photo of a dog",
    "a photo of a cat",
    "A PHOTO of a Dog in the SNOW",
    "a dog's life: (black & white), 50% off!",
    "...and then?",
    "--- !!! ---",
    "word " * 100,
    "a sentence that does not end " * 20 + "and is cut off",
    "",
    "   ",
    "🏖",
    "a day at the 🏖️ with 👨‍👩‍👧 and 🦄",
    "كلب في الثلج",
    "שקיעה על החוף",
    "日落海滩",
    "한국의 바다 がっこう",
    "crème brûlée et café",
    unicodedata.normalize("NFD", "crème brûlée: tiếng việt, 한국, がっこう"),
    "a\ttab,\na new line\r\nand  many   spaces",
    "\uff26\uff55\uff4c\uff4c\u3000\uff37idth\uff0c ½ ﬁne №5",
]
SAME = [
    ("a photo of a dog", "A Photo of a DOG!"),
    ("   ", ""),
    ("crème brûlée", unicodedata.normalize("NFD", "crème brûlée")),
]


@pytest.fixture(scope="module")
def siglip(shelf: Path) -> Twins:
    """SigLIP as published, with other weights."""
    folder = shelf / "siglip"
    folder.mkdir()
    # What the configuration has by default is what is published, but for two ids, which are CLIP's.
    config = SiglipConfig(text_config={"bos_token_id": None, "eos_token_id": 1})
    torch.manual_seed(16)
    model = SiglipModel(config).eval()
    spread(model.text_model, attention=2, values=1.4)
    with torch.no_grad():
        model.logit_scale.fill_(np.log(LOGIT_SCALE))
        model.logit_bias.fill_(LOGIT_BIAS)
    tokenizer = vocabularies.siglip(folder, config.text_config.vocab_size)
    export(
        folder / "text_model.onnx",
        model,
        lambda model, ids: model.text_model(input_ids=ids).to_tuple(),
        {"input_ids": torch.randint(0, 32_000, (2, 64))},
        {"last_hidden_state": TOKENS, "pooler_output": BATCH},
    )
    export(
        folder / "vision_model.onnx",
        model,
        lambda model, pixels: model.vision_model(pixel_values=pixels).to_tuple(),
        {"pixel_values": torch.rand(2, 3, 224, 224)},
        {"last_hidden_state": BATCH, "pooler_output": BATCH},
    )
    pack = write_pack(folder, "siglip-base")
    return Twins(
        model,
        SiglipProcessor(SiglipImageProcessorPil(), tokenizer),
        {"padding": "max_length", "max_length": 64, "truncation": True},
        pack,
        TextTower(pack, available_cores()),
        ImageTower(pack, available_cores()),
    )


@pytest.fixture(scope="module")
def files() -> dict[str, PhotoFile]:
    return small_files()


@pytest.fixture(scope="module")
def embedded(siglip: Twins, files: dict[str, PhotoFile]) -> dict[str, np.ndarray]:
    """What photond makes of the small files, by name."""
    found = siglip.embed_files([file.data for file in files.values()])
    return dict(zip(files, found, strict=True))


def test_texts_become_the_embeddings_that_the_reference_makes(
    siglip: Twins, figures: list[str]
) -> None:
    found, expected = siglip.texts.embed(TEXTS), siglip.reference_texts(TEXTS)
    worst = worst_difference(found, expected)
    figures.append(f"SigLIP, {len(TEXTS)} texts: worst difference {worst:.1e}")
    assert worst < TOLERANCE


def test_texts_that_differ_have_embeddings_that_differ(siglip: Twins) -> None:
    assert_told_apart(siglip.reference_texts([t for t in TEXTS if t.strip(" -!")]), least=0.005)
    for one, other in SAME:
        first, second = siglip.texts.embed([one, other])
        assert np.array_equal(first, second)


def test_every_character_becomes_the_tokens_that_the_reference_makes(siglip: Twins) -> None:
    tokenizer = siglip.texts.tokenizer
    characters = [
        f"a{character}b"
        for character in map(chr, range(0x2_0000))
        if unicodedata.category(character) not in {"Cn", "Co", "Cs"}
        # The one that the two libraries take apart differently: an accent that is two.
        and character != "\u0344"
    ]
    expected = siglip.reference_tokens(characters)["input_ids"].numpy()
    differ = (tokenizer.encode(characters).ids != expected).any(axis=1)
    assert [ascii(text) for text, one in zip(characters, differ, strict=True) if one] == []


@given(
    st.text(st.characters(exclude_categories=["Cn", "Co", "Cs", "M"]), max_size=100),
    st.sampled_from(["NFC", "NFD"]),
)
@example("tiếng việt, 한국, がっこう", "NFD")
@example("word " * 100, "NFC")
def test_any_text_becomes_the_tokens_that_the_reference_makes(
    siglip: Twins, text: str, form: str
) -> None:
    """But for texts that name a special token, and accents on characters such as ½ and №."""
    text = unicodedata.normalize(form, text)
    expected = siglip.reference_tokens([text])["input_ids"].numpy()
    assert np.array_equal(siglip.texts.tokenizer.encode([text]).ids, expected)


def test_a_text_that_names_a_special_token_does_not_become_one(siglip: Twins) -> None:
    """The reference ends the text there, as it would for a programmer who asked for it."""
    tokens = siglip.texts.tokenizer.encode(["a dog </s> in the snow"]).ids
    assert (tokens == siglip.texts.tokenizer.encode(["a dog s in the snow"]).ids).all()


def test_files_become_the_embeddings_that_the_reference_makes(
    siglip: Twins,
    files: dict[str, PhotoFile],
    embedded: dict[str, np.ndarray],
    figures: list[str],
) -> None:
    expected = siglip.reference_pictures([file.shown for file in files.values()])
    differences = {
        name: worst_difference(found, one)
        for (name, found), one in zip(embedded.items(), expected, strict=True)
    }
    worst = max(differences, key=differences.__getitem__)
    figures.append(
        f"SigLIP, {len(files)} kinds of files: worst difference {differences[worst]:.1e} ({worst})"
    )
    assert {name: one for name, one in differences.items() if one >= TOLERANCE} == {}


def test_pictures_that_differ_have_embeddings_that_differ(siglip: Twins) -> None:
    names = ["cat", "coffee", "moon", "mountain", "rocket", "sunflowers"]
    assert_told_apart(siglip.reference_pictures([sample(name) for name in names]), least=0.005)


def test_the_same_pixels_turned_otherwise_are_another_picture(
    embedded: dict[str, np.ndarray],
) -> None:
    turned = [embedded[f"JPEG, orientation {orientation}"] for orientation in range(1, 9)]
    assert_told_apart(np.stack(turned), least=0.0005)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resampling": "bilinear"},
        {"resize": "crop"},
        {"mean": (0.48145466, 0.4578275, 0.40821073)},
        {"std": (0.26862954, 0.26130258, 0.27577711)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_pack_that_is_wrong_about_pictures_would_not_pass(
    siglip: Twins, files: dict[str, PhotoFile], embedded: dict[str, np.ndarray], wrong: dict
) -> None:
    found = embed_files(with_image(siglip.pack, **wrong), siglip.pictures, [files["PNG"].data])
    assert worst_difference(found[0], embedded["PNG"]) > 10 * TOLERANCE


@pytest.mark.parametrize(
    "wrong",
    [{"padding": "longest"}, {"pad_id": 0}, {"canonicalise": "none"}, {"context_length": 32}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_pack_that_is_wrong_about_texts_would_not_pass(
    siglip: Twins, wrong: dict, figures: list[str]
) -> None:
    """Above all one without the padding: the tower looks at the last position, whatever stands there."""
    text = ["A photo of a Dog, please!"]
    found = TextTower(with_text(siglip.pack, **wrong)).embed(text)[0]
    right = siglip.texts.embed(text)[0]
    if "padding" in wrong:
        figures.append(f"SigLIP, a text without its padding: cosine {found @ right:.3f}")
    assert worst_difference(found, right) > 10 * TOLERANCE


def test_the_first_output_is_not_the_embedding(siglip: Twins) -> None:
    for tower, inputs in (
        (siglip.texts, siglip.texts.tokenizer.encode(["a dog"])),
        (siglip.pictures, np.zeros((1, 3, 224, 224), np.float32)),
    ):
        assert tower.outputs == ("last_hidden_state", "pooler_output")
        states = tower.raw(inputs, "last_hidden_state")[0]
        (pooled,) = normalised(tower.raw(inputs))
        for cosine in normalised(np.stack([states.mean(axis=0), states[0], states[-1]])) @ pooled:
            assert abs(cosine) < 0.5
    wrong = with_text(siglip.pack, output="last_hidden_state")
    with pytest.raises(ModelError):
        TextTower(wrong).embed(["a dog"])


def test_the_examination_of_packs_lets_it_pass(siglip: Twins) -> None:
    try_out(siglip.pack)


def test_logits_and_confidences_are_those_of_the_reference(
    siglip: Twins, files: dict[str, PhotoFile], embedded: dict[str, np.ndarray]
) -> None:
    names = ["PNG", "PNG, palette, transparent", "JPEG, orientation 6", "JPEG, profile"]
    pictures = siglip.processor(images=[files[name].shown for name in names], return_tensors="pt")
    with torch.inference_mode():
        logits = siglip.model(**siglip.reference_tokens(TEXTS), **pictures).logits_per_image
    cosines = np.stack([embedded[name] for name in names]) @ siglip.texts.embed(TEXTS).T
    score = siglip.pack.score
    found = score.logit_scale * cosines + score.logit_bias
    assert np.abs(found - logits.numpy()).max() < score.logit_scale * TOLERANCE
    expected = torch.sigmoid(logits).numpy()
    assert confidence(cosines, score) == pytest.approx(expected, rel=0.01, abs=1e-6)


@pytest.mark.parametrize(("kind", "every"), [("JPEG", 1), ("TIFF", 4)])
def test_large_photos_are_read_at_a_lower_scale_at_next_to_no_cost(
    siglip: Twins, mini: Pack, figures: list[str], kind: str, every: int
) -> None:
    tower = ImageTower(mini, available_cores())
    lost: dict[str, list[float]] = {"SigLIP": [], "mini": []}
    for file in large_files(kind, every):
        found = siglip.embed_files([file.data])[0]
        lost["SigLIP"].append(distance(found, siglip.reference_pictures([file.shown])[0]))
        found = embed_files(mini, tower, [file.data])[0]
        pixels = to_tensor(file.shown, input_spec(mini.image))
        lost["mini"].append(distance(found, tower.embed(pixels[np.newaxis])[0]))
    for model, distances in lost.items():
        mean, worst = np.mean(distances), max(distances)
        figures.append(
            f"{model}, {len(distances)} {kind}s of 12 megapixels: "
            f"1 - cosine {mean:.1e} on average, {worst:.1e} at worst"
        )
    assert max(lost["SigLIP"]) < 1e-4
    # A trained model minds more. What it minds is noise: its own choice of tags is not that precise.
    assert max(lost["mini"]) < 1e-2


def test_int8_towers_run_through_the_same_code(
    siglip: Twins,
    files: dict[str, PhotoFile],
    embedded: dict[str, np.ndarray],
    shelf: Path,
    figures: list[str],
) -> None:
    pack = quantised(siglip.pack, shelf / "siglip-int8", "siglip-base-int8")
    texts = TextTower(pack, available_cores()).embed(TEXTS)
    names = ["PNG", "PNG, upright", "JPEG, grey", "JPEG, orientation 5"]
    tower = ImageTower(pack, available_cores())
    pictures = embed_files(pack, tower, [files[name].data for name in names])
    of_texts = (texts * siglip.texts.embed(TEXTS)).sum(axis=1)
    of_pictures = (pictures * np.stack([embedded[name] for name in names])).sum(axis=1)
    figures.append(
        f"SigLIP in int8: cosine with fp32 at least {of_texts.min():.4f} for texts, "
        f"{of_pictures.min():.4f} for pictures"
    )
    assert min(of_texts.min(), of_pictures.min()) > 0.8
