"""Embeddings in 8 bits a number, and how far a product with them may be off at the most. Pure.

A row x is kept as codes c and a scale s, so that s·c is near x; what is lost, |x - s·c|, is kept with
it. For any q the product is then off by no more than |x - s·c|·|q| (Cauchy and Schwarz). A direction is
kept in twice 8 bits, which makes what it loses negligible beside the rows.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.store.embeddings import Embedding

Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

# Of what is summed or multiplied in float32 here, for vectors of about unit length.
ROUNDING = np.float32(2e-6)
_MOST = 127


@dataclass(frozen=True, slots=True)
class QuantisedRows:
    """Rows in 8 bits.

    Attributes:
        codes: int8 of shape (n, dimension), in [-127, 127].
        scales: float32 of shape (n,); `codes * scales` is near to the rows.
        lost: float32 of shape (n,): the length of the difference.
    """

    codes: Codes
    scales: Floats
    lost: Floats


@dataclass(frozen=True, slots=True)
class QuantisedDirections:
    """What rows are multiplied with.

    Attributes:
        codes: int8 of shape (2·m, dimension): each direction roughly, then what that lacks.
        weights: float64 of shape (2·m, m): what makes products with both into those with the direction.
        lost: The largest of what is lost, in parts of the direction's length.
    """

    codes: Codes
    weights: npt.NDArray[np.float64]
    lost: float


def quantise_rows(rows: Embedding) -> QuantisedRows:
    """Keep rows, float32 of shape (n, dimension), in 8 bits."""
    scales = _scales(rows)
    rounded = np.rint(rows / scales[:, np.newaxis])
    codes = rounded.astype(np.int8)
    rounded *= scales[:, np.newaxis]
    rounded -= rows
    lost: Floats = np.sqrt(np.einsum("ij,ij->i", rounded, rounded))
    return QuantisedRows(codes, scales, lost)


def quantise_directions(directions: Embedding) -> QuantisedDirections:
    """Keep directions, float32 of shape (m, dimension), in twice 8 bits."""
    rough = quantise_rows(directions)
    rest = directions - rough.codes * rough.scales[:, np.newaxis]
    fine = quantise_rows(rest)
    lengths = np.linalg.norm(directions, axis=1)
    return QuantisedDirections(
        np.concatenate([rough.codes, fine.codes]),
        np.concatenate([np.diag(rough.scales), np.diag(fine.scales)]).astype(np.float64),
        float((fine.lost / np.maximum(lengths, np.finfo(np.float32).tiny)).max()),
    )


def multiply(codes: Codes, scales: Floats, by: QuantisedDirections) -> Floats:
    """The products of rows with m directions, float32 of shape (n, m).

    They are off by no more than `most_off`, times the direction's length.
    """
    # Most commands import this module and multiply nothing.
    import numkong  # noqa: PLC0415

    products = np.asarray(numkong.cdist(codes, by.codes, "dot")).reshape(len(codes), -1)
    together: npt.NDArray[np.float64] = products @ by.weights
    together *= scales[:, np.newaxis]
    return together.astype(np.float32)


def most_off(lost: Floats, by: QuantisedDirections) -> Floats:
    """By how much the products of unit rows that lost so much may be off; float32 of shape (n,)."""
    bound: Floats = lost + (1 + lost) * np.float32(by.lost) + ROUNDING
    return bound


def _scales(rows: Embedding) -> Floats:
    scales: Floats = np.abs(rows).max(axis=1) / np.float32(_MOST)
    return np.maximum(scales, np.finfo(np.float32).tiny)
