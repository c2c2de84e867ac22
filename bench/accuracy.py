"""How right a model pack is about photos: by labels, by captions, and in the tags that photond shows.

    python -m bench.accuracy DIR                                 each folder in DIR is a label
    python -m bench.accuracy DIR --captions captions.csv         rows of file,caption; or COCO's JSON
    python -m bench.accuracy DIR --objects instances.json ...    COCO's JSON: instances or panoptic

Everything goes through photond's own code: photos are decoded, embedded and tagged as `photond index`
does it, with the everyday vocabulary and the pack's settings. `judging.py` says when a tag is right.
docs/quality.md has figures and says where the photos come from; none are part of the project.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from bench.judging import (
    CaptionJudge,
    Judge,
    LabelJudge,
    Names,
    ObjectJudge,
    read_captions,
    read_folders,
    read_names,
    read_objects,
)
from photond.config import locations
from photond.config.load import load
from photond.errors import PhotondError, PictureError
from photond.imaging.decode import decode
from photond.imaging.picture import Limits
from photond.imaging.tensor import to_tensor
from photond.models.pack import Pack
from photond.models.score import confidence
from photond.models.shelf import find_pack
from photond.models.towers import ImageTower, TextTower, available_cores
from photond.pipeline import thresholds
from photond.pipeline.inputs import input_spec
from photond.pipeline.labels import LabelBook
from photond.pipeline.tagging import LabelBank, TagRules, choose, least_cosines
from photond.vocabulary.concepts import Concept, Vocabulary, everyday

Float32 = npt.NDArray[np.float32]

# Confidences are counted in classes of this width.
_STEP = 0.1
_WORST = 12


@dataclass(frozen=True, slots=True)
class Classification:
    """Photos whose label is among the likeliest.

    Attributes:
        labels: How many there are to choose from.
        top1: Share of the photos whose label is the likeliest.
        top5: Share of the photos whose label is among the five likeliest.
    """

    labels: int
    top1: float
    top5: float


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Captions that find their own photo among all.

    Attributes:
        captions: How many.
        recall_at_1: Share of the captions that find it first.
        recall_at_5: Among the first five.
        recall_at_10: Among the first ten.
        median_rank: Of their own photos; 1 is the best.
    """

    captions: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    median_rank: float


@dataclass(frozen=True, slots=True)
class Share:
    """How often something was right, in a class of confidence.

    Attributes:
        confidence: Where the class begins.
        judged: How many were judged.
        right: How many of them were right.
    """

    confidence: float
    judged: int
    right: int


@dataclass(frozen=True, slots=True)
class Tagging:
    """The tags that photond would show.

    Attributes:
        thresholds: "fixed", or "learnt" from these same photos.
        in_use: Whether the pack has it so.
        photos: How many.
        right: How many tags are right.
        wrong: How many are wrong.
        unjudged: How many nobody can tell of.
        without: Photos without a tag.
        with_right: Photos with a tag that is right.
        by_confidence: Of the judged tags, by their confidence.
        often_wrong: Tags that are wrong most often, with how often they are right and wrong.
    """

    thresholds: str
    in_use: bool
    photos: int
    right: int
    wrong: int
    unjudged: int
    without: int
    with_right: int
    by_confidence: list[Share]
    often_wrong: list[tuple[str, int, int]]

    @property
    def tags(self) -> int:
        """How many there are."""
        return self.right + self.wrong + self.unjudged


@dataclass(slots=True)
class Report:
    """What was measured.

    Attributes:
        pack: Its name.
        score: What its cosines mean, and which tags it shows.
        photos: How many were read.
        unreadable: How many were not.
        not_in_vocabulary: Labels or classes that no concept stands for; no tag is judged by them.
        classification: For labelled photos.
        retrieval: For captioned photos.
        tagging: By kind of thresholds.
        calibration: For photos with objects, of all pairs of a photo and a class of objects.
    """

    pack: str
    score: dict[str, Any]
    photos: int
    unreadable: int
    not_in_vocabulary: list[str] = field(default_factory=list)
    classification: Classification | None = None
    retrieval: Retrieval | None = None
    tagging: list[Tagging] = field(default_factory=list)
    calibration: list[Share] = field(default_factory=list)


def embed_photos(pack: Pack, photos: Sequence[Path], limits: Limits) -> tuple[list[Path], Float32]:
    """The photos that can be read, and their embeddings, float32 (photos, dimension)."""
    tower, spec = ImageTower(pack), input_spec(pack.image)

    def embed(photo: Path) -> Float32 | PictureError:
        try:
            data = photo.read_bytes()
            picture = decode(data, name=photo.name, min_side=spec.size, limits=limits)
        except PictureError as error:
            return error
        embedding: Float32 = tower.embed(to_tensor(picture.image, spec)[None])[0]
        return embedding

    read, rows = [], []
    with ThreadPoolExecutor(available_cores()) as pool:
        for photo, row in zip(photos, pool.map(embed, photos), strict=True):
            if isinstance(row, PictureError):
                print(f"{photo}: {row}", file=sys.stderr)
                continue
            read.append(photo)
            rows.append(row)
    return read, np.array(rows, np.float32).reshape(len(rows), pack.embedding_dimension)


def classify(
    vectors: Float32, labels: Sequence[str], texts: Mapping[str, Float32]
) -> Classification:
    """Whether the likeliest label of each photo is its own.

    Args:
        vectors: The photos' embeddings, float32 (photos, dimension).
        labels: The photos' labels.
        texts: The labels' embeddings, float32 (dimension,).
    """
    names = list(texts)
    cosines = vectors @ np.stack(list(texts.values())).T
    own = cosines[np.arange(len(labels)), [names.index(label) for label in labels]]
    ranks = (cosines > own[:, None]).sum(axis=1)
    return Classification(len(names), float((ranks < 1).mean()), float((ranks < 5).mean()))  # noqa: PLR2004


def retrieve(vectors: Float32, queries: Sequence[Float32]) -> Retrieval:
    """Whether captions find their own photo.

    Args:
        vectors: The photos' embeddings, float32 (photos, dimension).
        queries: For each photo the embeddings of its captions, float32 (captions, dimension).
    """
    found = []
    for own, texts in enumerate(queries):
        cosines = texts @ vectors.T
        found.append(1 + (cosines > cosines[:, [own]]).sum(axis=1))
    ranks = np.concatenate(found)
    at_1, at_5, at_10 = (float((ranks <= limit).mean()) for limit in (1, 5, 10))
    return Retrieval(len(ranks), at_1, at_5, at_10, float(np.median(ranks)))


def shares(pairs: Iterable[tuple[float, bool]]) -> list[Share]:
    """How often something was right, by how sure the model was."""
    judged, right = Counter[int](), Counter[int]()
    for sure, is_right in pairs:
        step = min(int(sure / _STEP), round(1 / _STEP) - 1)
        judged[step] += 1
        right[step] += is_right
    return [Share(round(step * _STEP, 2), judged[step], right[step]) for step in sorted(judged)]


def judge_tags(
    chosen: Sequence[Sequence[tuple[Concept, float]]],
    photos: Sequence[Path],
    judge: Judge,
    kind: str,
    *,
    in_use: bool,
) -> Tagging:
    """Count which tags are right.

    Args:
        chosen: The tags of each photo with their confidence.
        photos: The photos.
        judge: Knows what they show.
        kind: Of the thresholds.
        in_use: Whether the pack has it so.
    """
    counts = Counter[bool | None]()
    by_name: dict[str, Counter[bool | None]] = {}
    judged: list[tuple[float, bool]] = []
    with_right = 0
    for photo, tags in zip(photos, chosen, strict=True):
        verdicts = [judge.verdict(photo, concept) for concept, _ in tags]
        counts.update(verdicts)
        with_right += True in verdicts
        for (concept, sure), verdict in zip(tags, verdicts, strict=True):
            by_name.setdefault(concept.name, Counter())[verdict] += 1
            if verdict is not None:
                judged.append((sure, verdict))
    worst = sorted(by_name.items(), key=lambda one: (-one[1][False], one[0]))[:_WORST]
    return Tagging(
        thresholds=kind,
        in_use=in_use,
        photos=len(photos),
        right=counts[True],
        wrong=counts[False],
        unjudged=counts[None],
        without=sum(not tags for tags in chosen),
        with_right=with_right,
        by_confidence=shares(judged),
        often_wrong=[(name, one[True], one[False]) for name, one in worst if one[False]],
    )


class Bench:
    """A pack with the photos that it is measured on.

    Args:
        pack: The pack.
        photos: The photos.
        rules: Which tags a photo gets.
        limits: What one photo may cost.
    """

    def __init__(self, pack: Pack, photos: Sequence[Path], rules: TagRules, limits: Limits) -> None:
        self.pack = pack
        self.photos, self.vectors = embed_photos(pack, photos, limits)
        if not self.photos:
            raise SystemExit("there are no photos to measure with")
        self.text = TextTower(pack, available_cores())
        self.vocabulary = everyday()
        self._rules = rules
        self.report = Report(
            pack.name,
            msgspec.to_builtins(pack.score) | {"min_confidence": rules.min_confidence},
            len(self.photos),
            len(photos) - len(self.photos),
        )

    def measure_labels(self, labels: Mapping[Path, str], names: Names) -> None:
        """For photos in folders that say what they show."""
        every = sorted({labels[photo] for photo in self.photos})
        prompts = [
            self.pack.text.tag_prompt.replace("{label}", names.of(label)[0]) for label in every
        ]
        texts = dict(zip(every, self.text.embed(prompts), strict=True))
        own = [labels[photo] for photo in self.photos]
        self.report.classification = classify(self.vectors, own, texts)
        judge = LabelJudge(labels, names, self.vocabulary)
        self.report.not_in_vocabulary = judge.unknown
        self._measure_tags(judge)

    def measure_captions(self, captions: Mapping[Path, Sequence[str]]) -> None:
        """For photos with captions."""
        prompt = self.pack.text.query_prompt
        queries = [
            self.text.embed([prompt.replace("{query}", text) for text in captions[photo]])
            for photo in self.photos
        ]
        self.report.retrieval = retrieve(self.vectors, queries)
        self._measure_tags(CaptionJudge(captions, self.vocabulary))

    def measure_objects(self, judge: ObjectJudge) -> None:
        """For photos whose objects are known."""
        self.report.not_in_vocabulary = judge.unknown
        bank = self._measure_tags(judge)
        concepts = _concepts(bank, self.vocabulary)
        sure = confidence(self.vectors @ bank.embeddings.T, self.pack.score)
        self.report.calibration = shares(
            (float(sure[row, column]), bool(judge.verdict(photo, concept)))
            for column, concept in enumerate(concepts)
            if concept.id in judge.annotated
            for row, photo in enumerate(self.photos)
        )

    def _measure_tags(self, judge: Judge) -> LabelBank:
        """Tag the photos and judge the tags; returns the labels."""
        score = self.pack.score
        book = LabelBook(self.vocabulary, self.pack, {})
        if book.lacking:
            print(f"embedding {len(book.lacking)} labels ...", file=sys.stderr)
            book.add(dict(zip(book.lacking, self.text.embed(book.lacking), strict=True)))
        bank = book.bank
        concepts = _concepts(bank, self.vocabulary)
        cosines = self.vectors @ bank.embeddings.T
        kinds = {"fixed": least_cosines(len(bank.labels), score, self._rules)}
        if len(self.photos) >= thresholds.MIN_PHOTOS:
            learnt = thresholds.learn(cosines, score)
            kinds["learnt"] = least_cosines(len(bank.labels), score, self._rules, learnt)
        for kind, least in kinds.items():
            chosen = [
                [(concepts[label], sure) for label, sure in tags]
                for tags in choose(cosines, bank, least, score, self._rules.max_tags)
            ]
            in_use = kind == ("fixed" if score.calibrated else "learnt") or len(kinds) == 1
            self.report.tagging.append(judge_tags(chosen, self.photos, judge, kind, in_use=in_use))
        return bank


def _concepts(bank: LabelBank, vocabulary: Vocabulary) -> list[Concept]:
    by_name = {concept.name: concept for concept in vocabulary}
    return [by_name[label] for label in bank.labels]


def draw(report: Report, console: Console) -> None:
    """Show a report to people."""
    score = report.score
    console.print(
        f"pack {report.pack}, {report.photos:,} photos"
        + (f", {report.unreadable} could not be read" if report.unreadable else "")
        + f"; tags from {score['min_confidence']:.2f} on, "
        f"logit {score['logit_scale']:g} · cosine {score['logit_bias']:+g}"
    )
    if report.not_in_vocabulary:
        console.print(f"not in the vocabulary: {', '.join(report.not_in_vocabulary)}")
    if report.classification is not None:
        one = report.classification
        console.print(
            _table(
                f"Which of {one.labels} labels",
                {"the likeliest": f"{one.top1:.1%}", "among the five likeliest": f"{one.top5:.1%}"},
            )
        )
    if report.retrieval is not None:
        found = report.retrieval
        console.print(
            _table(
                f"{found.captions:,} captions find their photo",
                {
                    "first": f"{found.recall_at_1:.1%}",
                    "among the first five": f"{found.recall_at_5:.1%}",
                    "among the first ten": f"{found.recall_at_10:.1%}",
                    "median rank": f"{found.median_rank:g}",
                },
            )
        )
    _draw_tagging(report.tagging, console)
    used = next(one for one in report.tagging if one.in_use)
    _draw_shares("Shown tags by confidence", used.by_confidence, console)
    if report.calibration:
        _draw_shares("All pairs of a photo and a class", report.calibration, console)
    if used.often_wrong:
        worst = _titled("Most often wrong", "tag", "right", "wrong")
        for name, right, wrong in used.often_wrong:
            worst.add_row(name, str(right), str(wrong))
        console.print(worst)


def _draw_tagging(taggings: Sequence[Tagging], console: Console) -> None:
    rows: dict[str, Callable[[Tagging], str]] = {
        "tags a photo": lambda one: f"{one.tags / one.photos:.2f}",
        "right": lambda one: f"{one.right / one.photos:.2f}",
        "wrong": lambda one: f"{one.wrong / one.photos:.2f}",
        "unjudged": lambda one: f"{one.unjudged / one.photos:.2f}",
        "right of the judged": lambda one: f"{one.right / max(1, one.right + one.wrong):.0%}",
        "photos with a right tag": lambda one: f"{one.with_right / one.photos:.0%}",
        "photos without a tag": lambda one: f"{one.without / one.photos:.0%}",
    }
    table = _titled("Tags that photond shows", "")
    for one in taggings:
        table.add_column(one.thresholds + (", in use" if one.in_use else ""), justify="right")
    for name, cell in rows.items():
        table.add_row(name, *map(cell, taggings))
    console.print(table)


def _draw_shares(title: str, found: Sequence[Share], console: Console) -> None:
    table = _titled(title, "confidence", "judged", "right")
    for one in found:
        label = f"{one.confidence:.1f} to {one.confidence + _STEP:.1f}"
        table.add_row(label, f"{one.judged:,}", f"{one.right / one.judged:.0%}")
    console.print(table)


def _table(title: str, rows: Mapping[str, str]) -> Table:
    table = _titled(title, "", "")
    table.show_header = False
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _titled(title: str, *columns: str) -> Table:
    # A title is wrapped to the table's width, the frame included.
    return Table(*columns, title=title, title_justify="left", min_width=len(title) + 2)


def _slice(text: str) -> slice:
    first, _, last = text.partition(":")
    return slice(int(first) if first else None, int(last) if last else None)


def main() -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the photos")
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument("--captions", type=Path, help="CSV of file,caption, or COCO's JSON")
    truth.add_argument("--objects", type=Path, nargs="+", help="COCO's JSON")
    parser.add_argument("--names", type=Path, help="CSV of a label or class and what it is called")
    parser.add_argument("--pack", help="default: the one in use")
    parser.add_argument(
        "--per-label", type=int, help="take the first so many photos of each folder"
    )
    parser.add_argument(
        "--slice", type=_slice, default=slice(None), help="FIRST:LAST of the photos"
    )
    parser.add_argument("--min-confidence", type=float, help="default: the pack's")
    parser.add_argument("--max-tags", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        pack = find_pack(given.pack or load(None).model.pack, locations.models_dir())
        rules = TagRules(given.min_confidence or pack.score.min_confidence, given.max_tags)
        report = _measure(given, pack, rules)
    except (OSError, PhotondError) as error:
        raise SystemExit(f"error: {error}") from error
    if given.json:
        print(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        draw(report, Console())


def _measure(given: argparse.Namespace, pack: Pack, rules: TagRules) -> Report:
    names = read_names(given.names)
    if given.captions:
        captions = read_captions(given.folder, given.captions)
        bench = Bench(pack, list(captions)[given.slice], rules, Limits())
        bench.measure_captions(captions)
    elif given.objects:
        objects = read_objects(given.folder, given.objects)
        bench = Bench(pack, list(objects.present)[given.slice], rules, Limits())
        bench.measure_objects(ObjectJudge(objects, names, bench.vocabulary))
    else:
        labels = read_folders(given.folder, given.per_label)
        bench = Bench(pack, list(labels)[given.slice], rules, Limits())
        bench.measure_labels(labels, names)
    return bench.report


if __name__ == "__main__":
    main()
