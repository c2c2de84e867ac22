"""The two towers: onnxruntime sessions that turn pixels and texts into comparable embeddings."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.models.pack import ImageSpec, Pack, TextSpec
from photond.models.runtime import onnxruntime as ort
from photond.models.tokens import TextTokenizer, Tokens

Embeddings = npt.NDArray[np.float32]


def available_cores() -> int:
    """The cores that this process may use, which a cpuset can make fewer than the machine has."""
    return len(os.sched_getaffinity(0))


class ImageTower:
    """Pictures to embeddings.

    `embed` may be called from several threads at once; each call uses `threads` of them.

    Args:
        pack: The pack, whose tower is verified before it is loaded.
        threads: How many threads one call computes with.

    Raises:
        ModelError: The tower is missing, damaged, or not what `model.toml` says.
    """

    def __init__(self, pack: Pack, threads: int = 1) -> None:
        pack.verify(pack.image)
        self._pack = pack
        self._session = _open_session(pack, pack.image, threads)

    def embed(self, pixels: npt.NDArray[np.float32]) -> Embeddings:
        """Embed pictures.

        Args:
            pixels: float32 of shape (n, 3, size, size), scaled as the pack says.

        Returns:
            float32 of shape (n, embedding_dimension), each row of unit length.
        """
        spec = self._pack.image
        return _run(self._session, self._pack, spec, {spec.input: pixels})


class TextTower:
    """Texts to embeddings.

    Args:
        pack: The pack, whose tower and tokenizer are verified before they are loaded.
        threads: How many threads one call computes with.

    Raises:
        ModelError: The tower or the tokenizer is missing, damaged, or not what `model.toml` says.
    """

    def __init__(self, pack: Pack, threads: int = 1) -> None:
        pack.verify(pack.text, pack.tokenizer)
        self._pack = pack
        self._tokenizer = TextTokenizer(pack)
        self._session = _open_session(pack, pack.text, threads)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts as they are, without a prompt around them.

        Args:
            texts: At least one.

        Returns:
            float32 of shape (n, embedding_dimension), each row of unit length.
        """
        # One at a time: a tower of int8 has one scale for all of a batch, so that a text's embedding
        # would depend on the texts beside it (docs/decisions.md).
        return np.concatenate(
            [self._embed_tokens(self._tokenizer.encode([text])) for text in texts]
        )

    def _embed_tokens(self, tokens: Tokens) -> Embeddings:
        spec = self._pack.text
        inputs = {spec.input: tokens.ids}
        if spec.attention_mask is not None:
            inputs[spec.attention_mask] = tokens.attention_mask
        return _run(self._session, self._pack, spec, inputs)

    def embed_query(self, query: str) -> Embeddings:
        """Embed one query, put into the pack's prompt; float32 of shape (embedding_dimension,)."""
        prompt: Embeddings = self.embed([self._pack.text.query_prompt.replace("{query}", query)])[0]
        return prompt


def normalised(vectors: Embeddings) -> Embeddings:
    """Vectors (n, d) scaled to unit length, row by row.

    Raises:
        ModelError: A row is zero or not finite, so that it has no direction.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(norms)) or np.any(norms == 0):
        raise ModelError("the model's output has no direction (zero or not a number)")
    unit: Embeddings = (vectors / norms).astype(np.float32, copy=False)
    return unit


def _open_session(pack: Pack, spec: ImageSpec | TextSpec, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    # Explicit counts: onnxruntime's own default counts cores that a cpuset may have taken away, and
    # dies trying to pin threads to them.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep: spinning is faster by little and heats a laptop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    path = pack.path_of(spec)
    try:
        session = ort.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime raises nothing narrower
        raise ModelError(f"{path} of the pack {pack.name!r} cannot be loaded: {error}") from error
    _check_names(pack, spec, session)
    return session


def _check_names(pack: Pack, spec: ImageSpec | TextSpec, session: ort.InferenceSession) -> None:
    path = pack.path_of(spec)
    inputs = {value.name: value.shape for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    stated = {spec.input}
    if isinstance(spec, TextSpec) and spec.attention_mask is not None:
        stated.add(spec.attention_mask)
    if set(inputs) != stated:
        raise ModelError(f"{path} has the inputs {sorted(inputs)}, not {sorted(stated)}")
    if spec.output not in outputs:
        # Another output would be a vector too, but not one that texts and pictures share.
        raise ModelError(f"{path} has no output {spec.output!r}, only {sorted(outputs)}")
    dimension = outputs[spec.output][-1]
    if isinstance(dimension, int) and dimension != pack.embedding_dimension:
        raise ModelError(
            f"{path} makes embeddings of {dimension} numbers, "
            f"and the pack states {pack.embedding_dimension}"
        )
    if isinstance(spec, ImageSpec):
        sides = inputs[spec.input][-2:]
        if any(isinstance(side, int) and side != spec.size for side in sides):
            raise ModelError(f"{path} takes pictures of {sides}, and the pack states {spec.size}")


def _run(
    session: ort.InferenceSession,
    pack: Pack,
    spec: ImageSpec | TextSpec,
    inputs: Mapping[str, npt.NDArray[np.float32] | npt.NDArray[np.int64]],
) -> Embeddings:
    try:
        (output,) = session.run([spec.output], dict(inputs))
    except Exception as error:  # onnxruntime raises nothing narrower
        raise ModelError(f"{pack.path_of(spec)} failed: {error}") from error
    if output.shape != (len(inputs[spec.input]), pack.embedding_dimension):
        raise ModelError(f"{pack.path_of(spec)} returned {output.shape}, which is no embedding")
    return normalised(output)
