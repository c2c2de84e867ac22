"""Tokenizers of the published kinds and sizes, trained on the licence.

The published ones cannot be part of a test. Their size matters, since the text tower's vocabulary must
have it, and so do the ids of their special tokens; which words they know does not. The licence is the
one long text of the project that never changes, so that the figures do not either.
"""

import io
import json
import sys
import unicodedata
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer, Siglip2Tokenizer, SiglipTokenizer
from transformers.convert_slow_tokenizer import SpmConverter, bytes_to_unicode

PROJECT = Path(__file__).parents[2]
# What is trained: nearly as much as so short a text allows.
PIECES, PAIRS = 500, 1000
# Private to this test: no text has it.
_FILLER = "\ue000"
_SENTENCES = [
    "a photo of a dog in the snow, a cat on a mat",
    "كلب في الثلج",
    "שקיעה על החוף",
    "日落海滩",
    "がっこう",
    "한국의 바다",
    "tiếng việt",
    "crème brûlée et café",
    "🏖 🐶",
]


def corpus() -> list[str]:
    """The licence in lower case, and sentences in several scripts."""
    lines = (PROJECT / "LICENSE").read_text("utf-8").lower().splitlines()
    return [line for line in map(str.strip, lines) if line] + _SENTENCES * 20


def siglip(folder: Path, size: int) -> SiglipTokenizer:
    """The reference's SigLIP tokenizer, on a SentencePiece model of its kind; and `tokenizer.json`.

    A unigram model with the ids that SigLIP's has: end 1, unknown 2, no begin.
    """
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()),
        model_writer=written,
        model_type="unigram",
        vocab_size=PIECES,
        character_coverage=1.0,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    # The rest is characters, so that each has tokens of its own and none is mistaken for another.
    known = {piece.piece for piece in model.pieces}
    least = min(piece.score for piece in model.pieces)
    for character in islice(_characters(known), size - len(model.pieces)):
        model.pieces.add(piece=character, score=least - 1)
    file = folder / "spiece.model"
    file.write_bytes(model.SerializeToString())
    # The published configuration names its one input: the model has no use for a mask.
    tokenizer = SiglipTokenizer(str(file), model_input_names=["input_ids"])
    _SiglipConverter(tokenizer).converted().save(str(folder / "tokenizer.json"))
    return tokenizer


def _characters(known: set[str]) -> Iterator[str]:
    for character in map(chr, range(ord("!"), sys.maxunicode)):
        if unicodedata.category(character)[0] not in "CZ" and character not in known:
            yield character


class _SiglipConverter(SpmConverter):
    """From SentencePiece to `tokenizers`, as the reference does it for its relatives, such as T5."""

    def post_processor(self):
        end = self.original_tokenizer.eos_token
        ends = [(end, self.original_tokenizer.eos_token_id)]
        return processors.TemplateProcessing(single=["$A", end], special_tokens=ends)


def clip(folder: Path, size: int) -> CLIPTokenizer:
    """The reference's CLIP tokenizer, and its `tokenizer.json`.

    Pairs of bytes, as CLIP's: each byte, each byte at the end of a word, what was merged, and the two
    special tokens at the very end.
    """
    letters = list(bytes_to_unicode().values())
    alphabet = {letter: index for index, letter in enumerate(letters)}
    ends = {f"{letter}</w>": index for index, letter in enumerate(letters, len(letters))}
    untrained = CLIPTokenizer(vocab=alphabet | ends, merges=[]).backend_tokenizer
    untrained.model = BPE(end_of_word_suffix="</w>")
    trainer = BpeTrainer(
        vocab_size=PAIRS,
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    vocabulary, merges = _trained(untrained, trainer, alphabet | ends)
    _fill(vocabulary, size - 2)
    vocabulary |= {"<|startoftext|>": size - 2, "<|endoftext|>": size - 1}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer


def siglip2(folder: Path, size: int) -> Siglip2Tokenizer:
    """The reference's SigLIP 2 tokenizer, and a `tokenizer.json` of Gemma's kind.

    The published `tokenizer.json` is Gemma's, which leaves the case as it is; the reference lowers it
    on top.
    """
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    known = {token: index for index, token in enumerate(special)}
    known |= {f"<0x{byte:02X}>": index for byte, index in zip(range(256), count(5), strict=False)}
    untrained = Tokenizer(BPE())
    untrained.normalizer = normalizers.Replace(" ", "▁")
    untrained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trainer = BpeTrainer(vocab_size=PAIRS, show_progress=False)
    vocabulary, merges = _trained(untrained, trainer, known)
    _fill(vocabulary, size)
    tokenizer = Siglip2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        add_bos_token=False,
        add_eos_token=True,
        padding_side="right",
        model_input_names=["input_ids"],
    )
    gemma = Tokenizer(BPE(vocabulary, merges, fuse_unk=True, unk_token="<unk>", byte_fallback=True))
    gemma.normalizer = normalizers.Replace(" ", "▁")
    gemma.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    gemma.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    gemma.post_processor = processors.TemplateProcessing(
        single=["$A", "<eos>"], special_tokens=[("<eos>", 1)]
    )
    gemma.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    gemma.save(str(folder / "tokenizer.json"))
    return tokenizer


def _trained(
    tokenizer: Tokenizer, trainer: BpeTrainer, known: dict[str, int]
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A vocabulary that begins with what is known, and the merges of the rest."""
    tokenizer.train_from_iterator(corpus(), trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    vocabulary = dict(known)
    for token in learnt["vocab"]:
        vocabulary.setdefault(token, len(vocabulary))
    return vocabulary, [(left, right) for left, right in learnt["merges"]]


def _fill(vocabulary: dict[str, int], size: int) -> None:
    for index in range(len(vocabulary), size):
        vocabulary[f"{_FILLER}{index}"] = index
