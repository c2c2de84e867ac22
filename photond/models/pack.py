"""A model pack: a folder with two towers, a tokenizer, and a `model.toml` that says how to use them."""

import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from photond.errors import ModelError
from photond.models.hashes import sha256_anew, sha256_once
from photond.models.regular import open_regular

MANIFEST = "model.toml"
_LARGEST = 1 << 20  # bytes of it

Positive = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
# A file directly in the pack's folder, and not hidden: a pack cannot point at anything outside it.
FileName = Annotated[str, Meta(pattern=r"^[^./\0][^/\0]*$")]
# A file in a repository on the hub, relative to its top.
RemotePath = Annotated[str, Meta(pattern=r"^[^/\\\0][^\\\0]*$")]
# On the scale of x / 255; values on the scale of x are a mistake that embeds noise.
PerChannel = tuple[
    Annotated[float, Meta(ge=0, le=1)],
    Annotated[float, Meta(ge=0, le=1)],
    Annotated[float, Meta(ge=0, le=1)],
]
PerChannelAboveZero = tuple[
    Annotated[float, Meta(gt=0, le=1)],
    Annotated[float, Meta(gt=0, le=1)],
    Annotated[float, Meta(gt=0, le=1)],
]


# Keys of the towers that may change while their embeddings stay comparable.
_NOT_OF_THE_SPACE = frozenset(
    {"batch", "file", "remote", "bytes", "tag_prompt", "query_prompt", "vocabulary_size"}
)


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of `model.toml`: every key is required unless it has a default, and none may be added."""


class Part(_Section, frozen=True, kw_only=True):
    """One file of a pack.

    Attributes:
        file: Its name in the pack's folder.
        sha256: Of its bytes; None only in the registry, where the hub's own statement is taken.
        remote: Its path in the pack's repository; None if it is not to be downloaded.
        bytes: Its size, where known.
    """

    file: FileName
    sha256: Sha256 | None = None
    remote: RemotePath | None = None
    bytes: Positive | None = None


class ImageSpec(Part, frozen=True, kw_only=True):
    """The image tower, an ONNX file, and the pictures it was trained with.

    Attributes:
        input: Name of the input, float32 (n, 3, size, size).
        output: Name of the output, float32 (n, embedding_dimension).
        size: Sides of the input, in pixels.
        resize: "squash" both sides to `size`, or shorter side to `size` and "crop" the centre.
        resampling: The filter.
        mean: Of x / 255, per channel; subtracted.
        std: Of x / 255, per channel; divided by.
        batch: How many pictures one call computes, if so many are waiting. More than one is faster where
            a picture has few tokens, so that reading the weights takes longer than the arithmetic;
            where a tower is quantised while it runs, pictures of one call would share their scales.
    """

    input: str
    output: str
    size: Positive
    batch: Positive = 1
    resize: Literal["squash", "crop"]
    resampling: Literal["bilinear", "bicubic", "lanczos"]
    mean: PerChannel
    std: PerChannelAboveZero


class TextSpec(Part, frozen=True, kw_only=True):
    """The text tower, an ONNX file, and the texts it was trained with.

    Attributes:
        input: Name of the input, int64 (n, tokens).
        attention_mask: Name of the tower's second input, int64 (n, tokens), 1 for a token and 0 for
            padding; None if it has none.
        output: Name of the output, float32 (n, embedding_dimension).
        context_length: Tokens at the most; longer texts are truncated.
        vocabulary_size: How many tokens the tower knows, which the tokenizer must know too; None if
            that is not stated.
        padding: To "max_length" always, as SigLIP needs, or to the "longest" of the batch.
        pad_id: The token to pad with.
        canonicalise: "siglip" lowers the case, removes ASCII punctuation and collapses white space.
        tag_prompt: What a label is put into; has one `{label}`.
        query_prompt: What a query is put into; has one `{query}`.
    """

    input: str
    attention_mask: str | None = None
    output: str
    context_length: Positive
    vocabulary_size: Positive | None = None
    padding: Literal["max_length", "longest"]
    pad_id: NonNegative
    canonicalise: Literal["none", "lower", "siglip"]
    tag_prompt: str
    query_prompt: str

    def prompt_of(self, query: str) -> str:
        """A query as the text tower gets it."""
        return self.query_prompt.replace("{query}", query)


class TokenizerSpec(Part, frozen=True, kw_only=True):
    """The tokenizer, in the format of the `tokenizers` library."""


class LabelsSpec(Part, frozen=True, kw_only=True):
    """Embeddings of label prompts that were computed beforehand, so that tagging can begin at once.

    A NumPy `.npz` with `prompts`, n strings, and `embeddings`, float16 (n, dimension).
    """


class ScoreSpec(_Section, frozen=True, kw_only=True):
    """What a cosine similarity means.

    Attributes:
        logit_scale: Of the logit, `logit_scale * cosine + logit_bias`.
        logit_bias: Of the logit.
        min_confidence: A tag of less confidence, sigmoid(logit), is more often wrong than of use.
        min_share: A tag is only given if the model is at least this share as sure of it as of the
            photo's surest tag, and of kinds of one thing only what they agree on; for models that see
            one main thing in a photo. 0 asks nothing.
        unseen: Groups of the vocabulary that the model is blind to, such as "styles": their concepts
            are never tags.
        calibrated: Whether a confidence is worth the same for every label. Where it is not, thresholds
            are learnt from the user's own photos, label by label.
    """

    logit_scale: Annotated[float, Meta(gt=0)]
    logit_bias: float
    min_confidence: Annotated[float, Meta(ge=0, le=1)]
    min_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    unseen: tuple[str, ...] = ()
    calibrated: bool = True


class Reference(_Section, frozen=True, kw_only=True):
    """What the pack must compute, so that a wrong mean, pad id or output does not go unnoticed.

    Attributes:
        cosines: Of each known picture (rows) with each known text (columns), in the order of
            `photond.pipeline.pairs.KNOWN`.
        tolerance: How far a cosine may be off.
    """

    cosines: tuple[tuple[float, ...], ...]
    tolerance: Annotated[float, Meta(gt=0)] = 0.01


class Pack(_Section, frozen=True, kw_only=True):
    """Everything that the code would otherwise have to assume about a model.

    Attributes:
        format: Of `model.toml`.
        name: How the pack is called in the configuration.
        title: One line for people.
        licence: Of the weights, an SPDX expression.
        source: Where they come from, a URL.
        revision: Of the source.
        repository: Of the source on the Hugging Face hub, "owner/name"; None if it is not there.
        unverified: What is stated here from documentation and could not be checked against the files
            themselves, as sentences.
        untrained: The weights are random, as for measuring speed: that the towers agree is not asked.
        embedding_dimension: Length of an embedding.
        image: The image tower.
        text: The text tower.
        tokenizer: The tokenizer.
        labels: Label embeddings that come with the pack, if any.
        score: The logit's scale and bias.
        reference: What the pack must compute, where that is known.
        folder: Where the pack lies; the one thing that `model.toml` does not say.
    """

    format: Literal[1]
    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    title: str
    licence: str
    source: str
    revision: str
    repository: Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    unverified: tuple[str, ...] = ()
    untrained: bool = False
    embedding_dimension: Positive
    image: ImageSpec
    text: TextSpec
    tokenizer: TokenizerSpec
    labels: LabelsSpec | None = None
    score: ScoreSpec
    reference: Reference | None = None
    folder: Path = Path()

    @property
    def fingerprint(self) -> str:
        """Identifies the embedding space: equal where and only where embeddings can be compared."""
        # What is not stated is left out, so that a key that a later version adds changes nothing.
        image, text = (
            {
                key: value
                for key, value in msgspec.to_builtins(section).items()
                if key not in _NOT_OF_THE_SPACE and value is not None
            }
            for section in (self.image, self.text)
        )
        identity = [self.embedding_dimension, image, text, self.tokenizer.sha256]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The files that the pack is made of, without its `model.toml`."""
        parts = (self.image, self.text, self.tokenizer)
        return parts if self.labels is None else (*parts, self.labels)

    def path_of(self, part: Part) -> Path:
        """Where a part of the pack lies."""
        return self.folder / part.file

    def verify(self, *parts: Part) -> None:
        """Compare parts of the pack, or all of it, with the hashes that its `model.toml` states.

        Raises:
            ModelError: A file is missing, unreadable, or not the one that it should be.
        """
        self._compare(parts, sha256_anew)

    def verify_once(self, *parts: Part) -> None:
        """As `verify`, where files that were hashed before and have not changed since are not read.

        Raises:
            ModelError: As for `verify`.
        """
        self._compare(parts, sha256_once)

    def _compare(self, parts: tuple[Part, ...], hash_of: Callable[[Path], str]) -> None:
        for part in parts or self.parts:
            path = self.path_of(part)
            try:
                found = hash_of(path)
            except OSError as error:
                raise ModelError(
                    f"the pack {self.name!r} is not whole: {path}: {error.strerror}",
                    f"Put the file back, or see {self.source}.",
                ) from error
            if found != part.sha256:
                raise ModelError(
                    f"the pack {self.name!r} is damaged: {path} has the SHA-256 {found[:12]}…, "
                    f"and {MANIFEST} states {str(part.sha256)[:12]}…",
                    "Replace the file by an undamaged copy.",
                )


def load_pack(folder: Path) -> Pack:
    """Read the `model.toml` of a pack that is there with all its files.

    Raises:
        ModelError: It is missing, not TOML, lacks a key, or has one that is unknown or wrong.
    """
    path = folder / MANIFEST
    pack = read_manifest(path)
    for section in ("image", "text", "tokenizer", "labels"):
        part: Part | None = getattr(pack, section)
        if part is not None and part.sha256 is None:
            raise ModelError(f"{path}: the key is missing: `sha256` - at `{section}`")
    return pack


def _text_of(path: Path) -> str:
    """A `model.toml` as text.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not UTF-8, or too long to be one.
    """
    with open_regular(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("it has more than a mebibyte")
    return content.decode("utf-8")


def read_manifest(path: Path) -> Pack:
    """Read a `model.toml`, the hashes of whose files may be open; its folder becomes the pack's.

    Raises:
        ModelError: It is missing, not TOML, lacks a key, or has one that is unknown or wrong.
    """
    try:
        document = tomllib.loads(_text_of(path))
        document.pop("folder", None)
        pack = msgspec.convert(document, Pack)
    except OSError as error:
        raise ModelError(
            f"there is no model pack in {path.parent}: {path.name}: {error.strerror}"
        ) from error
    except msgspec.ValidationError as error:
        reason = (
            str(error)
            .replace("Object missing required field", "the key is missing:")
            .replace("Object contains unknown field", "unknown key:")
            .replace("$.", "")
        )
        raise ModelError(f"{path}: {reason}") from error
    except RecursionError as error:
        raise ModelError(f"{path} is not valid TOML: it is nested too deeply") from error
    except ValueError as error:
        raise ModelError(f"{path} is not valid TOML: {error}") from error
    for key, prompt, placeholder in (
        ("tag_prompt", pack.text.tag_prompt, "{label}"),
        ("query_prompt", pack.text.query_prompt, "{query}"),
    ):
        if prompt.count(placeholder) != 1:
            raise ModelError(
                f"{path}: text.{key} must contain {placeholder} once, it is {prompt!r}"
            )
    if pack.text.vocabulary_size is not None and pack.text.pad_id >= pack.text.vocabulary_size:
        raise ModelError(
            f"{path}: text.pad_id is {pack.text.pad_id}, "
            f"and the tower knows {pack.text.vocabulary_size} tokens"
        )
    return msgspec.structs.replace(pack, folder=path.parent)
