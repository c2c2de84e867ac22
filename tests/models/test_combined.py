"""Scale and bias, derived from what a combined model computes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.errors import ModelError
from photond.models.combined import CombinedModel, fit_logits
from photond.models.pack import load_pack
from photond.models.tokens import TextTokenizer
from tests import graphs

COSINES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=30)
SCALES = st.floats(0.1, 200)
BIASES = st.floats(-30, 30)


def spread(cosines: list[float]) -> bool:
    return max(cosines) - min(cosines) > 0.01


@given(COSINES.filter(spread), SCALES, BIASES)
def test_scale_and_bias_are_found_again(cosines: list[float], scale: float, bias: float) -> None:
    fit = fit_logits(cosines, scale * np.array(cosines) + bias)
    assert fit.scale == pytest.approx(scale, rel=1e-6, abs=1e-6)
    assert fit.bias == pytest.approx(bias, rel=1e-6, abs=1e-6)
    assert fit.residual < 1e-6


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-30, 30)), min_size=2, max_size=30).filter(
        lambda pairs: spread([cosine for cosine, _ in pairs])
    ),
    st.floats(-1, 1),
    st.floats(-1, 1),
)
def test_no_other_line_is_nearer(
    pairs: list[tuple[float, float]], tilt: float, shift: float
) -> None:
    cosines, logits = np.array(pairs).T
    fit = fit_logits(cosines, logits)
    best = ((logits - fit.scale * cosines - fit.bias) ** 2).sum()
    other = ((logits - (fit.scale + tilt) * cosines - fit.bias - shift) ** 2).sum()
    assert best <= other * (1 + 1e-9) + 1e-9
    assert fit.residual == pytest.approx(np.abs(logits - fit.scale * cosines - fit.bias).max())


def test_the_seeds_own_figures_give_the_seeds_scale_and_bias() -> None:
    cosines = [
        [-0.0671, -0.0906, -0.0774],
        [-0.0631, -0.0563, -0.0552],
        [-0.0948, -0.0739, -0.0578],
    ]
    logits = [[-20.81, -23.56, -22.01], [-20.33, -19.54, -19.41], [-24.06, -21.60, -19.72]]
    fit = fit_logits(cosines, logits)
    assert fit.scale == pytest.approx(117.33, abs=0.15)
    assert fit.bias == pytest.approx(-12.93, abs=0.02)
    assert fit.residual < 0.02  # what rounding to four digits makes of it


@pytest.mark.parametrize("cosines", [[], [0.3], [0.2, 0.2, 0.2], [0.1, 0.1 + 1e-9]])
def test_one_cosine_determines_no_line(cosines: list[float]) -> None:
    with pytest.raises(ModelError, match="scale and bias"):
        fit_logits(cosines, [1.0] * len(cosines))


def test_a_combined_model_computes_the_logit_of_one_pair(tmp_path: Path) -> None:
    model = CombinedModel(graphs.combined(tmp_path / "model.onnx"))
    tokens = TextTokenizer(load_pack(graphs.tiny_pack(tmp_path / "tiny"))).encode(["a cat"])
    pixels = np.random.default_rng(1).normal(size=(1, 3, graphs.SIZE, graphs.SIZE))
    cosine, logit = model.logit(pixels.astype(np.float32), tokens)
    assert -1 <= cosine <= 1
    assert logit == pytest.approx(graphs.SCALE * cosine + graphs.BIAS, abs=1e-4)
    with pytest.raises(ModelError, match="failed"):
        model.logit(np.zeros((1, 3, 8, 8), np.float32), tokens)


def test_a_tower_is_no_combined_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"inputs \['input_ids'\] .*logits_per_image"):
        CombinedModel(graphs.text_tower(tmp_path / "text.onnx"))
    with pytest.raises(ModelError, match="cannot be loaded"):
        CombinedModel(tmp_path / "none.onnx")
