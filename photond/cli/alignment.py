"""`photond doctor --alignment`: what a pack makes of pictures and texts, in figures."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from photond.cli.output import finish, print_cells, print_json, print_line, print_table
from photond.cli.session import Session
from photond.errors import ExitCode
from photond.printable import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from photond.pipeline.judgement import Judgement
    from photond.pipeline.measurement import Answers, Combined, Measurement

    Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def show_alignment(
    session: Session,
    name: str | None,
    pictures: Path | None,
    combined: Path | None,
    *,
    json: bool,
) -> None:
    """Measure a pack, print the figures and the judgement, and end with 0 or 4.

    Args:
        session: The run.
        name: The pack's; None for the one in use.
        pictures: A folder of the user's pictures; None for the known ones.
        combined: A combined model's file to derive scale and bias from, if any.
        json: Print one JSON document.
    """
    from photond.config import locations
    from photond.models.shelf import find_pack
    from photond.pipeline.inputs import picture_limits
    from photond.pipeline.judgement import judge, judge_combined, judge_pack
    from photond.pipeline.measurement import ask_combined, measure
    from photond.pipeline.pairs import known_pairs, pairs_in

    pack = session.pack if name is None else find_pack(name, locations.models_dir())
    pairs = (
        known_pairs(pack.image)
        if pictures is None
        else pairs_in(pictures, pack.image, picture_limits(session.settings))
    )
    measurement = measure(pack, pairs)
    judgements = [judge_pack(pack), *judge(measurement, known=pictures is None)]
    derived = None if combined is None else ask_combined(measurement, combined)
    if derived is not None:
        judgements += judge_combined(measurement, derived)
    if json:
        print_json(_document(measurement, derived, judgements))
    else:
        _print(measurement, derived, judgements)
    is_wrong = any(one.verdict == "error" for one in judgements)
    finish(ExitCode.MODEL if is_wrong else ExitCode.DONE)


def _print(
    measurement: "Measurement", derived: "Combined | None", judgements: "Sequence[Judgement]"
) -> None:
    names, texts = measurement.pairs.names, measurement.pairs.texts
    _print_matrix("cosine", names, texts, measurement.alignment.cosines, ".4f")
    _print_matrix("logit", names, texts, measurement.logits, ".3f")
    _print_matrix("confidence", names, texts, measurement.confidences, ".4f")
    for title, labels, answers in (
        ("picture-picture", names, measurement.images),
        ("text-text", texts, measurement.texts),
    ):
        _print_matrix(title, labels, labels, answers.embeddings @ answers.embeddings.T, ".4f")
    if derived is not None:
        _print_matrix("combined cosine", names, texts, derived.cosines, ".4f")
        _print_matrix("combined logit", names, texts, derived.logits, ".3f")
    _print_rows(
        ("tower", "output", ">least norm", ">greatest norm", "other outputs"),
        [
            ("image", *_outputs(measurement.images)),
            ("text", *_outputs(measurement.texts)),
        ],
    )
    if derived is not None:
        fit = derived.fit
        _print_rows(
            ("combined", ">scale", ">bias", ">largest residual"),
            [(str(derived.path), f"{fit.scale:.4f}", f"{fit.bias:.4f}", f"{fit.residual:.2g}")],
        )
    _print_rows(
        ("verdict", "subject", "detail"),
        [(one.verdict, one.subject, printable(one.detail)) for one in judgements],
    )


def _outputs(answers: "Answers") -> tuple[str, str, str, str]:
    others = ", ".join(name for name in answers.outputs if name != answers.output)
    least, greatest = answers.norms.min(), answers.norms.max()
    return answers.output, f"{least:.6g}", f"{greatest:.6g}", others or "none"


def _print_matrix(
    title: str, rows: Sequence[str], columns: Sequence[str], values: "Matrix", form: str
) -> None:
    _print_rows(
        (title, *(f">{printable(column)}" for column in columns)),
        [
            (printable(name), *(f"{value:{form}}" for value in row))
            for name, row in zip(rows, values, strict=True)
        ],
    )


def _print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with its heading, also in a pipe, and an empty line after it."""
    if not sys.stdout.isatty():
        print_cells(column.removeprefix(">") for column in columns)
    print_table(columns, rows)
    print_line()


def _document(
    measurement: "Measurement", derived: "Combined | None", judgements: "Sequence[Judgement]"
) -> dict[str, object]:
    from msgspec import structs

    pack, pairs = measurement.pack, measurement.pairs
    alone, first = measurement.without_padding, measurement.of_first_outputs
    alignment = measurement.alignment
    return {
        "pack": pack.name,
        "aligned": not any(one.verdict == "error" for one in judgements),
        "pictures": pairs.names,
        "texts": pairs.texts,
        "query_prompt": pack.text.query_prompt,
        "own_texts": [pairs.texts[column] for column in pairs.own],
        "cosines": _rounded(alignment.cosines),
        "logits": _rounded(measurement.logits),
        "confidences": _rounded(measurement.confidences),
        "margin": round(alignment.margin, 6),
        "picture_cosines": _rounded(
            measurement.images.embeddings @ measurement.images.embeddings.T
        ),
        "text_cosines": _rounded(measurement.texts.embeddings @ measurement.texts.embeddings.T),
        "towers": {
            "image": _tower(measurement.images),
            "text": _tower(measurement.texts),
        },
        "padding": {
            "padding": pack.text.padding,
            "pad_id": pack.text.pad_id,
            "own_cosines": _rounded(alignment.own_cosines),
            "own_cosines_without": None if alone is None else _rounded(alone.own_cosines),
        },
        "first_outputs": {"cosines": None if first is None else _rounded(first.cosines)},
        "reference": None if pack.reference is None else structs.asdict(pack.reference),
        "combined": None if derived is None else _combined(derived),
        "judgements": [asdict(one) for one in judgements],
    }


def _tower(answers: "Answers") -> dict[str, object]:
    return {
        "output": answers.output,
        "outputs": answers.outputs,
        "least_norm": float(answers.norms.min()),
        "greatest_norm": float(answers.norms.max()),
        "first_output_is_same": answers.first_is_same,
    }


def _combined(derived: "Combined") -> dict[str, object]:
    return {
        "path": str(derived.path),
        "cosines": _rounded(derived.cosines),
        "logits": _rounded(derived.logits),
        "scale": derived.fit.scale,
        "bias": derived.fit.bias,
        "residual": derived.fit.residual,
    }


def _rounded(values: "Matrix") -> object:
    return values.astype(float).round(6).tolist()
