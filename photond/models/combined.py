"""A model with both towers in one graph, which computes logits itself: it tells scale and bias."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.models.sessions import one_line, open_session
from photond.models.tokens import Tokens
from photond.models.towers import normalised

_INPUTS = {"input_ids", "pixel_values"}
_MASK = "attention_mask"
_OUTPUTS = ("logits_per_image", "image_embeds", "text_embeds")


@dataclass(frozen=True, slots=True)
class LogitFit:
    """The straight line nearest to logits over cosines.

    Attributes:
        scale: Of logit = scale · cosine + bias.
        bias: Of the same.
        residual: The largest distance of a logit from it.
    """

    scale: float
    bias: float
    residual: float


def fit_logits(cosines: npt.ArrayLike, logits: npt.ArrayLike) -> LogitFit:
    """Derive scale and bias, by least squares, from what a model computed.

    Args:
        cosines: Of n pairs, of any shape.
        logits: Of the same pairs, of the same shape.

    Raises:
        ModelError: The cosines are all the same, so that no line is determined.
    """
    x = np.asarray(cosines, np.float64).ravel()
    y = np.asarray(logits, np.float64).ravel()
    if len(x) == 0:
        raise ModelError("there is no pair to derive scale and bias from")
    around_x, around_y = x - x.mean(), y - y.mean()
    spread = float(around_x @ around_x)
    if not spread > len(x) * np.finfo(np.float32).eps ** 2:
        raise ModelError("all cosines are the same, so that scale and bias cannot be derived")
    scale = float(around_x @ around_y) / spread
    bias = float(y.mean() - scale * x.mean())
    return LogitFit(scale, bias, float(np.abs(y - scale * x - bias).max()))


class CombinedModel:
    """An ONNX graph with `input_ids`, `pixel_values` and, if it has one, `attention_mask`.

    Args:
        path: The graph's file.
        threads: How many threads one call computes with.

    Raises:
        ModelError: It cannot be loaded, or has other inputs or outputs.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._path = path
        self._session = open_session(path, threads)
        self._inputs = {value.name for value in self._session.get_inputs()}
        outputs = {value.name for value in self._session.get_outputs()}
        if self._inputs - {_MASK} != _INPUTS or not outputs.issuperset(_OUTPUTS):
            raise ModelError(
                f"{path} has the inputs {sorted(self._inputs)} and the outputs {sorted(outputs)}",
                f"A combined model has {', '.join(sorted(_INPUTS))} and {', '.join(_OUTPUTS)}.",
            )

    def logit(self, pixels: npt.NDArray[np.float32], tokens: Tokens) -> tuple[float, float]:
        """The cosine and the logit of one picture with one text.

        Args:
            pixels: float32 of shape (1, 3, size, size).
            tokens: Of one text.

        Raises:
            ModelError: The model fails, or returns something else.
        """
        values = {"pixel_values": pixels, "input_ids": tokens.ids, _MASK: tokens.attention_mask}
        try:
            logit, image, text = self._session.run(
                list(_OUTPUTS), {name: values[name] for name in self._inputs}
            )
        except Exception as error:  # onnxruntime raises nothing narrower
            raise ModelError(f"{self._path} failed: {one_line(error)}") from error
        if logit.size != 1 or image.ndim != text.ndim or image.shape != text.shape:
            raise ModelError(
                f"{self._path} returned logits of the shape {logit.shape}, and embeddings of "
                f"{image.shape} and {text.shape}, for one pair"
            )
        one, other = normalised(image.reshape(1, -1)), normalised(text.reshape(1, -1))
        return float(one.astype(np.float64)[0] @ other.astype(np.float64)[0]), float(logit.item())
