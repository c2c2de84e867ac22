"""A model pack: a folder with two towers, a tokenizer, and a `model.toml` that says how to use them."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from photond.errors import ModelError

MANIFEST = "model.toml"

Positive = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[int, Meta(ge=0)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
# A file directly in the pack's folder: a pack cannot point at anything outside it.
FileName = Annotated[str, Meta(pattern=r"^[^/\0]+$")]
PerChannel = tuple[float, float, float]


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of `model.toml`: every key is required unless it has a default, and none may be added."""


class ImageSpec(_Section, frozen=True):
    """The image tower and the pictures it was trained with.

    Attributes:
        file: The ONNX file.
        sha256: Of that file.
        input: Name of the input, float32 (n, 3, size, size).
        output: Name of the output, float32 (n, embedding_dimension).
        size: Sides of the input, in pixels.
        resize: "squash" both sides to `size`, or shorter side to `size` and "crop" the centre.
        resampling: The filter.
        mean: Of x / 255, per channel; subtracted.
        std: Of x / 255, per channel; divided by.
    """

    file: FileName
    sha256: Sha256
    input: str
    output: str
    size: Positive
    resize: Literal["squash", "crop"]
    resampling: Literal["bilinear", "bicubic", "lanczos"]
    mean: PerChannel
    std: PerChannel


class TextSpec(_Section, frozen=True):
    """The text tower and the texts it was trained with.

    Attributes:
        file: The ONNX file.
        sha256: Of that file.
        input: Name of the input, int64 (n, tokens).
        output: Name of the output, float32 (n, embedding_dimension).
        context_length: Tokens at the most; longer texts are truncated.
        padding: To "max_length" always, as SigLIP needs, or to the "longest" of the batch.
        pad_id: The token to pad with.
        canonicalise: "siglip" lowers the case, removes ASCII punctuation and collapses white space.
        tag_prompt: What a label is put into; has one `{label}`.
        query_prompt: What a query is put into; has one `{query}`.
    """

    file: FileName
    sha256: Sha256
    input: str
    output: str
    context_length: Positive
    padding: Literal["max_length", "longest"]
    pad_id: NonNegative
    canonicalise: Literal["none", "lower", "siglip"]
    tag_prompt: str
    query_prompt: str


class TokenizerSpec(_Section, frozen=True):
    """The tokenizer, in the format of the `tokenizers` library."""

    file: FileName
    sha256: Sha256


class ScoreSpec(_Section, frozen=True):
    """What a cosine similarity means.

    Attributes:
        logit_scale: Of the logit, `logit_scale * cosine + logit_bias`.
        logit_bias: Of the logit.
        min_confidence: A tag of less confidence, sigmoid(logit), is more often wrong than of use.
    """

    logit_scale: Annotated[float, Meta(gt=0)]
    logit_bias: float
    min_confidence: Annotated[float, Meta(ge=0, le=1)]


class Pack(_Section, frozen=True):
    """Everything that the code would otherwise have to assume about a model.

    Attributes:
        format: Of `model.toml`.
        name: How the pack is called in the configuration.
        title: One line for people.
        licence: Of the weights, an SPDX expression.
        source: Where they come from, a URL.
        revision: Of the source.
        embedding_dimension: Length of an embedding.
        image: The image tower.
        text: The text tower.
        tokenizer: The tokenizer.
        score: The logit's scale and bias.
        folder: Where the pack lies; the one thing that `model.toml` does not say.
    """

    format: Literal[1]
    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    title: str
    licence: str
    source: str
    revision: str
    embedding_dimension: Positive
    image: ImageSpec
    text: TextSpec
    tokenizer: TokenizerSpec
    score: ScoreSpec
    folder: Path = Path()

    @property
    def fingerprint(self) -> str:
        """Identifies the embedding space: equal where and only where embeddings can be compared."""
        image = msgspec.to_builtins(self.image)
        text = msgspec.to_builtins(self.text)
        for irrelevant in ("file", "tag_prompt", "query_prompt"):
            image.pop(irrelevant, None)
            text.pop(irrelevant, None)
        identity = [self.embedding_dimension, image, text, self.tokenizer.sha256]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def path_of(self, part: ImageSpec | TextSpec | TokenizerSpec) -> Path:
        """Where a part of the pack lies."""
        return self.folder / part.file

    def verify(self, *parts: ImageSpec | TextSpec | TokenizerSpec) -> None:
        """Compare parts of the pack, or all of it, with the hashes that its `model.toml` states.

        Raises:
            ModelError: A file is missing, unreadable, or not the one that it should be.
        """
        for part in parts or (self.image, self.text, self.tokenizer):
            path = self.path_of(part)
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise ModelError(
                    f"the pack {self.name!r} is not whole: {path}: {error.strerror}",
                    f"Put the file back, or see {self.source}.",
                ) from error
            if found != part.sha256:
                raise ModelError(
                    f"the pack {self.name!r} is damaged: {path} has the SHA-256 {found[:12]}…, "
                    f"and {MANIFEST} states {part.sha256[:12]}…",
                    "Replace the file by an undamaged copy.",
                )


def load_pack(folder: Path) -> Pack:
    """Read a pack's `model.toml`.

    Raises:
        ModelError: It is missing, not TOML, lacks a key, or has one that is unknown or wrong.
    """
    path = folder / MANIFEST
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        document.pop("folder", None)
        pack = msgspec.convert(document, Pack)
    except OSError as error:
        raise ModelError(
            f"there is no model pack in {folder}: {MANIFEST}: {error.strerror}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        reason = (
            str(error)
            .replace("Object missing required field", "the key is missing:")
            .replace("Object contains unknown field", "unknown key:")
            .replace("$.", "")
        )
        raise ModelError(f"{path}: {reason}") from error
    for key, prompt, placeholder in (
        ("tag_prompt", pack.text.tag_prompt, "{label}"),
        ("query_prompt", pack.text.query_prompt, "{query}"),
    ):
        if prompt.count(placeholder) != 1:
            raise ModelError(
                f"{path}: text.{key} must contain {placeholder} once, it is {prompt!r}"
            )
    return msgspec.structs.replace(pack, folder=folder)
