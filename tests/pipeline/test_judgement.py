"""What figures mean: made-up measurements, each with one thing wrong."""

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from photond.models.combined import fit_logits
from photond.models.examine import PaddingEffect
from photond.models.pack import Pack, ScoreSpec
from photond.pipeline.judgement import judge, judge_combined
from photond.pipeline.measurement import Answers, Combined, Measurement, measure
from photond.pipeline.pairs import Pairs, known_pairs

SIGLIP = ScoreSpec(logit_scale=117.3309, logit_bias=-12.9324, min_confidence=0.1)
Matrix = npt.NDArray[np.float32]


def unit(vectors: Matrix) -> Matrix:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def answers(embeddings: Matrix, first: Matrix | None = None) -> Answers:
    norms = np.ones(len(embeddings), np.float32)
    first = embeddings if first is None else first
    return Answers("vector", ("first", "vector"), norms, embeddings, first)


def measurement(
    pack: Pack,
    cosines: list[list[float]],
    unpadded: list[list[float]] | None = None,
    padding: PaddingEffect | None = None,
) -> Measurement:
    """Pictures are the axes, texts have the given cosines with them and a rest of their own."""
    wanted = np.array(cosines, np.float32)
    count = len(wanted)
    pairs = Pairs(
        tuple(f"{name}.jpg" for name in "abcdef"[:count]),
        np.zeros((count, 3, 2, 2), np.float32),
        tuple("abcdef"[: wanted.shape[1]]),
        tuple(range(count)),
    )
    pictures = np.eye(count, count + wanted.shape[1], dtype=np.float32)

    def texts(columns: Matrix) -> Matrix:
        rest = np.sqrt(1 - (columns**2).sum(axis=0))
        return np.hstack([columns.T, np.diag(rest)]).astype(np.float32)

    alone = texts(wanted if unpadded is None else np.array(unpadded, np.float32))
    return Measurement(pack, pairs, answers(pictures), answers(texts(wanted)), alone, padding)


def verdicts(made: Measurement) -> dict[str, str]:
    return {one.subject: one.verdict for one in judge(made, known=False)}


def details(made: Measurement) -> dict[str, str]:
    return {one.subject: one.detail for one in judge(made, known=False)}


@pytest.fixture
def siglip_like(mini: Pack) -> Pack:
    text = msgspec.structs.replace(mini.text, padding="max_length")
    return msgspec.structs.replace(mini, text=text, score=SIGLIP, reference=None)


def test_a_good_pack_has_nothing_wrong(siglip_like: Pack) -> None:
    good = measurement(siglip_like, [[0.12, 0.01], [0.0, 0.11]])
    assert set(verdicts(good).values()) == {"ok", "skipped"}
    assert details(good)["pictures"].endswith("by 0.1100 at the least")


def test_the_seeds_unpadded_texts_fail_and_are_found_to_be_better_padded(siglip_like: Pack) -> None:
    seed = [[-0.0671, -0.0906, -0.0774], [-0.0631, -0.0563, -0.0552], [-0.0948, -0.0739, -0.0578]]
    made = measurement(siglip_like, seed)
    assert verdicts(made)["pictures"] == "error"
    assert "b.jpg is taken for 'c' (-0.0552 against -0.0563)" in details(made)["pictures"]
    # Every confidence is next to nothing, which is how such a mistake shows in tags.
    assert verdicts(made)["logits"] == "error"
    assert "0 of 3 reach score.min_confidence, 0.1" in details(made)["logits"]


def test_texts_that_only_work_without_their_padding_are_wrong(siglip_like: Pack) -> None:
    made = measurement(siglip_like, [[0.1, 0.2], [0.2, 0.1]], [[0.2, 0.1], [0.1, 0.2]])
    assert verdicts(made)["padding"] == "error"
    assert (
        "of 0.1000 with padding (max_length, 0) and of 0.2000 without" in details(made)["padding"]
    )


def test_padding_that_changes_a_text_is_wrong_unless_the_model_wants_it(mini: Pack) -> None:
    wanted, alone = [[0.2, 0.0], [0.0, 0.2]], [[0.4, 0.0], [0.0, 0.4]]
    changed = PaddingEffect(padded=0.9, company=1.0)
    assert verdicts(measurement(mini, wanted, alone, changed))["padding"] == "error"
    assert verdicts(measurement(mini, wanted, alone, None))["padding"] == "ok"


@pytest.mark.parametrize(
    ("padded", "company", "is_some"),
    [
        (1.0, 1.0, False),
        (0.99995, 1.0, False),
        (0.9995, 1.0, True),
        # Measured with mini's text tower, quantised dynamically: its texts share their scales.
        (0.9839, 0.9833, False),
        (0.4695, 0.9833, True),
        (float("nan"), 1.0, True),
    ],
)
def test_padding_may_change_a_text_as_little_as_company_does(
    padded: float, company: float, is_some: bool
) -> None:
    assert PaddingEffect(padded, company).is_some == is_some


def test_a_first_output_that_is_better_than_the_packs_is_told(siglip_like: Pack) -> None:
    made = measurement(siglip_like, [[0.1, 0.2], [0.2, 0.1]])
    assert verdicts(made)["first output"] == "ok"
    better = measurement(siglip_like, [[0.2, 0.1], [0.1, 0.2]]).texts.embeddings
    made = Measurement(
        made.pack, made.pairs, made.images, answers(made.texts.embeddings, better), None, None
    )
    assert verdicts(made)["first output"] == "error"
    assert (
        "first and first, would give own pairs 0.2000, which agree too"
        in (details(made)["first output"])
    )


def test_first_outputs_of_different_lengths_cannot_be_compared(siglip_like: Pack) -> None:
    made = measurement(siglip_like, [[0.2, 0.1], [0.1, 0.2]])
    longer = answers(made.images.embeddings, np.eye(2, 9, dtype=np.float32))
    made = Measurement(made.pack, made.pairs, longer, made.texts, None, None)
    assert "cannot be compared" in details(made)["first output"]
    assert made.of_first_outputs is None


def test_random_weights_are_judged_by_nothing_that_needs_training(siglip_like: Pack) -> None:
    random = msgspec.structs.replace(siglip_like, untrained=True)
    found = verdicts(measurement(random, [[0.1, 0.2], [0.2, 0.1]]))
    assert found.pop("image norms") == found.pop("text norms") == "ok"
    assert set(found.values()) == {"skipped"}


def combined(cosines: list[list[float]], scale: float, bias: float, bend: float = 0) -> Combined:
    x = np.array(cosines, np.float64)
    logits = scale * x + bias + bend * x**2
    return Combined(Path("model.onnx"), x, logits, fit_logits(x, logits))


def test_a_combined_model_confirms_towers_formula_scale_and_bias(siglip_like: Pack) -> None:
    cosines = [[0.12, 0.01], [0.0, 0.11]]
    made = measurement(siglip_like, cosines)
    right = judge_combined(made, combined(cosines, 117.3309, -12.9324))
    assert [one.verdict for one in right] == ["ok", "ok", "ok"]
    other_scale = judge_combined(made, combined(cosines, 100.0, -12.9324))
    assert [one.verdict for one in other_scale] == ["ok", "ok", "error"]
    bent = judge_combined(made, combined(cosines, 117.3309, -12.9324, bend=500.0))
    assert bent[1].verdict == "error"
    other_towers = judge_combined(made, combined([[0.5, 0.01], [0.0, 0.4]], 117.3309, -12.9324))
    assert [one.verdict for one in other_towers] == ["error", "ok", "ok"]


def test_scale_and_bias_that_were_chosen_need_not_be_the_models(siglip_like: Pack) -> None:
    score = msgspec.structs.replace(SIGLIP, calibrated=False)
    pack = msgspec.structs.replace(siglip_like, score=score)
    cosines = [[0.12, 0.01], [0.0, 0.11]]
    found = judge_combined(measurement(pack, cosines), combined(cosines, 100.0, 0.0))
    assert found[-1].verdict == "skipped"


def test_a_real_pack_is_measured_through_both_towers(mini: Pack) -> None:
    made = measure(mini, known_pairs(mini.image))
    assert made.images.outputs == made.texts.outputs == ("pooler_output",)
    assert made.images.first_is_same
    assert made.texts.first_is_same
    assert made.logits == pytest.approx(7.6 * made.alignment.cosines - 4.85, abs=1e-5)
    assert made.without_padding is not None
    assert made.without_padding.cosines == pytest.approx(made.alignment.cosines, abs=1e-5)
    assert {one.verdict for one in judge(made, known=True)} == {"ok"}
