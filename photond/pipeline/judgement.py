"""What a measurement of a pack means, in one line for each thing that can be wrong."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.models.pack import Pack
from photond.pipeline.alignment import Alignment, reference_gaps, try_out
from photond.pipeline.measurement import Answers, Combined, Measurement

# How far a norm may be from 1 and still be called that.
_UNIT = 1e-3
# How far logits may be from those of the formula, and cosines from those of the same towers in another
# file: more than rounding, less than what changes a tag.
_LOGIT_TOLERANCE = 0.05
_COSINE_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class Judgement:
    """One thing that was looked at.

    Attributes:
        subject: What.
        verdict: "ok", "error", or "skipped" where it cannot be asked of this pack or these pictures.
        detail: What was found.
    """

    subject: str
    verdict: Literal["ok", "error", "skipped"]
    detail: str


def judge_pack(pack: Pack) -> Judgement:
    """Try a pack out as `photond models verify` does."""
    try:
        try_out(pack)
    except ModelError as error:
        return Judgement("pack", "error", str(error))
    return Judgement("pack", "ok", "whole, and does what its model.toml says")


def judge(measurement: Measurement, *, known: bool) -> list[Judgement]:
    """Judge a measurement.

    Args:
        measurement: Of a pack.
        known: Whether the pictures are the known ones, of which the pack may state the cosines.
    """
    judgements = [
        _pictures(measurement),
        _texts(measurement),
        _logits(measurement),
        _padding(measurement),
        _first_output(measurement),
        _reference(measurement, known=known),
    ]
    if measurement.pack.untrained:
        judgements = [
            Judgement(one.subject, "skipped", f"the weights are random; {one.detail}")
            for one in judgements
        ]
    return [
        _norms("image norms", measurement.images),
        _norms("text norms", measurement.texts),
        *judgements,
    ]


def judge_combined(measurement: Measurement, combined: Combined) -> list[Judgement]:
    """Judge what a combined model's cosines and logits say of the pack's towers, scale and bias."""
    fit, score = combined.fit, measurement.pack.score
    apart = float(np.abs(measurement.alignment.cosines - combined.cosines).max())
    is_formula = fit.residual <= _LOGIT_TOLERANCE
    stated = score.logit_scale * combined.cosines + score.logit_bias
    off = float(np.abs(fit.scale * combined.cosines + fit.bias - stated).max())
    detail = (
        f"model.toml states {score.logit_scale:g} and {score.logit_bias:g}, derived are "
        f"{fit.scale:.4f} and {fit.bias:.4f}: logits differ by {off:.2g} at the most"
    )
    return [
        Judgement(
            "same towers",
            "ok" if apart <= _COSINE_TOLERANCE else "error",
            f"the pack's cosines and the combined model's differ by {apart:.4f} at the most",
        ),
        Judgement(
            "formula",
            "ok" if is_formula else "error",
            f"the combined model's logits are {'' if is_formula else 'not '}scale · cosine + bias: "
            f"the largest residual is {fit.residual:.2g}",
        ),
        _scale_and_bias(off, detail, is_calibrated=score.calibrated),
    ]


def _scale_and_bias(off: float, detail: str, *, is_calibrated: bool) -> Judgement:
    if off <= _LOGIT_TOLERANCE:
        return Judgement("scale and bias", "ok", detail)
    if is_calibrated:
        return Judgement("scale and bias", "error", detail)
    # Then they were chosen by the pack's maker, and the model's own mean nothing for one label alone.
    return Judgement("scale and bias", "skipped", f"score.calibrated is false; {detail}")


def _norms(subject: str, answers: Answers) -> Judgement:
    # Rows without a direction were refused when they were scaled.
    least, greatest = float(answers.norms.min()), float(answers.norms.max())
    if max(abs(least - 1), abs(greatest - 1)) < _UNIT:
        return Judgement(subject, "ok", f"{answers.output} is of unit length")
    return Judgement(
        subject,
        "ok",
        f"{answers.output} has norms of {least:.4g} to {greatest:.4g}; scaled to unit length",
    )


def _pictures(measurement: Measurement) -> Judgement:
    alignment, pairs = measurement.alignment, measurement.pairs
    mistakes = [
        f"{pairs.names[row]} is taken for {pairs.texts[column]!r} "
        f"({alignment.cosines[row, column]:.4f} against {alignment.own_cosines[row]:.4f})"
        for row, column in alignment.mistaken_pictures
    ]
    if mistakes:
        return Judgement("pictures", "error", "; ".join(mistakes))
    return Judgement(
        "pictures",
        "ok",
        f"each is most like its own text, by {alignment.margin:.4f} at the least",
    )


def _texts(measurement: Measurement) -> Judgement:
    alignment, pairs = measurement.alignment, measurement.pairs
    mistakes = [
        f"{pairs.texts[column]!r} is most like {pairs.names[row]}"
        for column, row in alignment.mistaken_texts
    ]
    if mistakes:
        return Judgement("texts", "error", "; ".join(mistakes))
    return Judgement("texts", "ok", "each is most like a picture of its own")


def _logits(measurement: Measurement) -> Judgement:
    score = measurement.pack.score
    own = np.arange(len(measurement.pairs.own)), list(measurement.pairs.own)
    logits, confidences = measurement.logits, measurement.confidences[own]
    lost = int((logits[own] < logits.max(axis=1)).sum())
    given = int((confidences >= score.min_confidence).sum())
    detail = (
        f"own texts have confidences of {confidences.min():.2g} to {confidences.max():.2g}; "
        f"{given} of {len(confidences)} reach score.min_confidence, {score.min_confidence:g}"
    )
    if lost:
        return Judgement("logits", "error", f"{lost} own logits are not the largest; {detail}")
    return Judgement("logits", "ok" if given else "error", detail)


def _padding(measurement: Measurement) -> Judgement:
    how, pad = measurement.pack.text.padding, measurement.pack.text.pad_id
    alone, padded = measurement.without_padding, measurement.alignment
    if alone is None:
        detail = "the text tower takes one length only, so nothing can be left out"
        return Judgement("padding", "skipped", detail)
    detail = (
        f"own pairs have cosines of {_range(padded.own_cosines)} with padding "
        f"({how}, {pad}) and of {_range(alone.own_cosines)} without"
    )
    if measurement.padding is not None and measurement.padding.is_some:
        detail = f"{detail}: the padding, which should mean nothing, changes a text"
        return Judgement("padding", "error", detail)
    if alone.is_aligned and not padded.is_aligned:
        detail = f"{detail}: the towers agree only without it"
        return Judgement("padding", "error", detail)
    return Judgement("padding", "ok", detail)


def _first_output(measurement: Measurement) -> Judgement:
    images, texts = measurement.images, measurement.texts
    if images.first_is_same and texts.first_is_same:
        return Judgement("first output", "ok", "the graphs' first outputs are the pack's")
    names = f"the graphs' first outputs, {images.outputs[0]} and {texts.outputs[0]}, "
    first = measurement.of_first_outputs
    if first is None:
        return Judgement("first output", "ok", f"{names}cannot be compared with each other")
    detail = (
        f"{names}would give own pairs {_range(first.own_cosines)}, {_said(first)}; "
        f"the pack's give {_range(measurement.alignment.own_cosines)}"
    )
    is_better = first.is_aligned and not measurement.alignment.is_aligned
    return Judgement("first output", "error" if is_better else "ok", detail)


def _reference(measurement: Measurement, *, known: bool) -> Judgement:
    reference = measurement.pack.reference
    if not known:
        return Judgement("reference", "skipped", "it is of the known pictures only")
    try:
        gaps = reference_gaps(measurement.pack, measurement.alignment.cosines)
    except ModelError as error:
        return Judgement("reference", "error", str(error))
    if gaps is None or reference is None:
        return Judgement("reference", "skipped", "model.toml has no [reference]")
    return Judgement(
        "reference",
        "ok" if gaps.max() <= reference.tolerance else "error",
        f"cosines are off by {gaps.max():.5f} at the most, {reference.tolerance:g} is allowed",
    )


def _said(alignment: Alignment) -> str:
    if alignment.is_aligned:
        return "which agree too"
    wrong = len(alignment.mistaken_pictures)
    return f"with {wrong} of {len(alignment.own)} pictures taken for others"


def _range(values: npt.NDArray[np.float32]) -> str:
    least, greatest = f"{values.min():.4f}", f"{values.max():.4f}"
    return least if least == greatest else f"{least} to {greatest}"
