"""The two towers: onnxruntime sessions that turn pixels and texts into comparable embeddings."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.errors import ModelError
from photond.models.pack import ImageSpec, Pack, TextSpec
from photond.models.prepared import PreparedTowers, origin_of
from photond.models.runtime import onnxruntime as ort
from photond.models.sessions import one_line, open_prepared, open_session, prepare
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
        once: Load sooner, and compute more slowly: for a process that embeds a picture or two.
        prepared: Where the tower is kept as it was made ready for this machine, if anywhere.

    Raises:
        ModelError: The tower is missing, damaged, or not what `model.toml` says.
    """

    def __init__(
        self,
        pack: Pack,
        threads: int = 1,
        *,
        once: bool = False,
        prepared: PreparedTowers | None = None,
    ) -> None:
        pack.verify_once(pack.image)
        self._pack = pack
        self._session = _open_tower(pack, pack.image, threads, once=once, prepared=prepared)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the graph's outputs, in its order."""
        return _outputs(self._session)

    def embed(self, pixels: npt.NDArray[np.float32]) -> Embeddings:
        """Embed pictures.

        Args:
            pixels: float32 of shape (n, 3, size, size), scaled as the pack says.

        Returns:
            float32 of shape (n, embedding_dimension), each row of unit length.
        """
        return _embeddings(self.raw(pixels), len(pixels), self._pack, self._pack.image)

    def raw(
        self, pixels: npt.NDArray[np.float32], output: str | None = None
    ) -> npt.NDArray[np.float32]:
        """What the graph makes of pictures, as it is.

        Args:
            pixels: As for `embed`.
            output: The output to ask for; None for the pack's.

        Returns:
            Of whatever shape the output has; (n, embedding_dimension) if it is the right one.
        """
        spec = self._pack.image
        return _run(self._session, self._pack, spec, {spec.input: pixels}, output)


class TextTower:
    """Texts to embeddings.

    Args:
        pack: The pack, whose tower and tokenizer are verified before they are loaded.
        threads: How many threads one call computes with.
        once: Load sooner, and compute more slowly: for a process that embeds a text or two.
        prepared: Where the tower is kept as it was made ready for this machine, if anywhere.

    Raises:
        ModelError: The tower or the tokenizer is missing, damaged, or not what `model.toml` says.
    """

    def __init__(
        self,
        pack: Pack,
        threads: int = 1,
        *,
        once: bool = False,
        prepared: PreparedTowers | None = None,
    ) -> None:
        pack.verify_once(pack.text, pack.tokenizer)
        self._pack = pack
        self.tokenizer = TextTokenizer(pack)
        self._session = _open_tower(pack, pack.text, threads, once=once, prepared=prepared)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the graph's outputs, in its order."""
        return _outputs(self._session)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts as they are, without a prompt around them.

        Args:
            texts: At least one.

        Returns:
            float32 of shape (n, embedding_dimension), each row of unit length.
        """
        # One at a time: a tower of int8 has one scale for all of a batch, so that a text's embedding
        # would depend on the texts beside it (docs/decisions.md).
        return np.concatenate([self.embed_tokens(self.tokenizer.encode([text])) for text in texts])

    def embed_tokens(self, tokens: Tokens) -> Embeddings:
        """Embed texts that are tokens already; float32 (n, embedding_dimension), of unit length."""
        return _embeddings(self.raw(tokens), len(tokens.ids), self._pack, self._pack.text)

    def raw(self, tokens: Tokens, output: str | None = None) -> npt.NDArray[np.float32]:
        """What the graph makes of tokens, as it is.

        Args:
            tokens: Of n texts.
            output: The output to ask for; None for the pack's.

        Returns:
            Of whatever shape the output has; (n, embedding_dimension) if it is the right one.
        """
        spec = self._pack.text
        inputs = {spec.input: tokens.ids}
        if spec.attention_mask is not None:
            inputs[spec.attention_mask] = tokens.attention_mask
        return _run(self._session, self._pack, spec, inputs, output)

    def embed_query(self, query: str) -> Embeddings:
        """Embed one query, put into the pack's prompt; float32 of shape (embedding_dimension,)."""
        embedding: Embeddings = self.embed([self._pack.text.prompt_of(query)])[0]
        return embedding


def normalised(vectors: Embeddings) -> Embeddings:
    """Vectors (n, d) scaled to unit length, row by row.

    Raises:
        ModelError: A row is zero or not finite, so that it has no direction.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(norms)) or np.any(norms == 0):
        raise ModelError("the model's output has no direction (zero or not a number)")
    unit: Embeddings = (vectors / norms).astype(np.float32, copy=False)
    return unit


def _open_tower(
    pack: Pack,
    spec: ImageSpec | TextSpec,
    threads: int,
    *,
    once: bool,
    prepared: PreparedTowers | None,
) -> ort.InferenceSession:
    session = None
    if prepared is not None:
        session = _open_prepared(prepared, pack, spec, threads, once=once)
    if session is None:
        session = open_session(pack.path_of(spec), threads, once=once)
    _check_graph(pack, spec, session)
    return session


def _open_prepared(
    prepared: PreparedTowers,
    pack: Pack,
    spec: ImageSpec | TextSpec,
    threads: int,
    *,
    once: bool,
) -> ort.InferenceSession | None:
    """The tower as it was prepared before, or is prepared now; None if it is not to be had."""
    origin = origin_of(str(spec.sha256), ort.__version__)
    if origin is None:
        return None
    graph = prepared.find(origin)
    if graph is None:
        graph = prepared.make(origin, pack.path_of(spec), prepare)
    if graph is None:
        return None
    try:
        return open_prepared(graph, threads, once=once)
    except ModelError as error:
        prepared.give_up(origin, error)
        return None


def _outputs(session: ort.InferenceSession) -> tuple[str, ...]:
    return tuple(value.name for value in session.get_outputs())


def _check_graph(pack: Pack, spec: ImageSpec | TextSpec, session: ort.InferenceSession) -> None:
    """Hold what the graph says of its inputs and outputs against `model.toml`."""
    path = pack.path_of(spec)
    table = "image" if isinstance(spec, ImageSpec) else "text"
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = {value.name: value.shape for value in session.get_outputs()}
    stated = {spec.input}
    if isinstance(spec, TextSpec) and spec.attention_mask is not None:
        stated.add(spec.attention_mask)
    if set(inputs) != stated:
        raise ModelError(
            f"{path} has the inputs {sorted(inputs)}, not {sorted(stated)}", f"See {table}.input."
        )
    kind = "tensor(float)" if isinstance(spec, ImageSpec) else "tensor(int64)"
    for name, value in inputs.items():
        if value.type != kind:
            raise ModelError(f"{path} takes {value.type} as {name!r}, and photond has {kind}")
    if spec.output not in outputs:
        # Another output would be a vector too, but not one that texts and pictures share.
        raise ModelError(
            f"{path} has no output {spec.output!r}, only {sorted(outputs)}", f"See {table}.output."
        )
    dimension = outputs[spec.output][-1] if outputs[spec.output] else None
    if isinstance(dimension, int) and dimension != pack.embedding_dimension:
        raise ModelError(
            f"{path} makes embeddings of {dimension} numbers, "
            f"and embedding_dimension is {pack.embedding_dimension}",
            f"It is the tower of another model, or {table}.output is wrong.",
        )
    shape = inputs[spec.input].shape
    if isinstance(spec, ImageSpec):
        _check_sides(path, shape, spec)
    else:
        _check_length(path, shape, spec)


def _check_sides(path: Path, shape: Sequence[int | str | None], spec: ImageSpec) -> None:
    sides = list(shape[-2:])
    if any(isinstance(side, int) and side != spec.size for side in sides):
        raise ModelError(
            f"{path} takes pictures of {sides}, and image.size is {spec.size}",
            "It is the tower of another size, or image.size is wrong.",
        )


def _check_length(path: Path, shape: Sequence[int | str | None], spec: TextSpec) -> None:
    if not shape or isinstance(shape[0], int):
        raise ModelError(
            f"{path} takes input of the fixed shape {list(shape)}",
            "Export it with a batch of any size.",
        )
    length = shape[-1]
    if isinstance(length, int) and length != spec.context_length:
        raise ModelError(
            f"{path} takes {length} tokens, and text.context_length is {spec.context_length}",
            "It is the tower of another model, or text.context_length is wrong.",
        )
    if isinstance(length, int) and spec.padding != "max_length":
        raise ModelError(
            f"{path} always takes {length} tokens, and text.padding is {spec.padding!r}",
            'State text.padding = "max_length".',
        )


def _run(
    session: ort.InferenceSession,
    pack: Pack,
    spec: ImageSpec | TextSpec,
    inputs: Mapping[str, npt.NDArray[np.float32] | npt.NDArray[np.int64]],
    output: str | None,
) -> npt.NDArray[np.float32]:
    shape = inputs[spec.input].shape
    try:
        (result,) = session.run([output or spec.output], dict(inputs))
    except Exception as error:  # onnxruntime raises nothing narrower
        keys = (
            f"image.size is {spec.size}"
            if isinstance(spec, ImageSpec)
            else f"text.context_length is {spec.context_length}, text.padding {spec.padding!r}"
        )
        raise ModelError(
            f"{pack.path_of(spec)} failed with input of the shape {shape}: {one_line(error)}",
            f"{keys}; see whether the tower was made for that.",
        ) from error
    values: npt.NDArray[np.float32] = result
    return values


def _embeddings(
    output: npt.NDArray[np.float32], count: int, pack: Pack, spec: ImageSpec | TextSpec
) -> Embeddings:
    path, name = pack.path_of(spec), spec.output
    if output.shape != (count, pack.embedding_dimension):
        raise ModelError(
            f"the output {name!r} of {path} has the shape {output.shape}, and by "
            f"embedding_dimension it must have {(count, pack.embedding_dimension)}",
            "The output is another than the embedding, or the dimension is another's.",
        )
    try:
        return normalised(output)
    except ModelError as error:
        raise ModelError(f"{path}, output {name!r}: {error.message}") from error
