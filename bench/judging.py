"""What is known to be in photos, and whether a tag agrees with it.

Three kinds of knowledge, which judge differently because they say differently much:

- Objects, as COCO has them: of each class it is known of every photo whether it is there. A tag that is
  a class, or a kind of one, is right where that class is there and wrong where it is not; the nearest
  class counts. A tag that classes are kinds of ("animal" over "dog") is right where one of them is
  there, and wrong where none is, though there may be one that nobody annotated. All else is unjudged.
- Labels, a folder each: one thing that the photo shows is known. A tag is right if it is the label, a
  kind of it, or what it is a kind of. A tag that would be right of another folder's photos is wrong,
  though both may be there. All else is unjudged.
- Captions: what somebody found worth saying is known. A tag is right if a caption has a word for it or
  for a kind of it, unjudged if a caption has only a word for what it is a kind of, and otherwise wrong:
  captions leave most of a photo out, so this tells settings apart and no more.
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from photond.vocabulary.concepts import Concept, Vocabulary


class Judge(Protocol):
    """Says whether tags are right."""

    def verdict(self, photo: Path, concept: Concept) -> bool | None:
        """Whether the concept is in the photo; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the names of folders and classes mean.

    Attributes:
        texts: What to call them, by name, the first as people would say it. A name that is not here
            means itself.
    """

    texts: Mapping[str, tuple[str, ...]]

    def of(self, name: str) -> tuple[str, ...]:
        """What to call a folder or a class."""
        return self.texts.get(name, (name.replace("_", " "),))

    def concepts(self, name: str, vocabulary: Vocabulary) -> frozenset[str]:
        """The ids of the concepts that it names; none if the vocabulary has no such."""
        found = map(vocabulary.find, self.of(name))
        return frozenset(concept.id for concept in found if concept is not None)


def read_names(file: Path | None) -> Names:
    """Read a CSV of a name and what it means, one text or several."""
    if file is None:
        return Names({})
    with file.open(encoding="utf-8", newline="") as lines:
        return Names({name: tuple(texts) for name, *texts in csv.reader(lines)})


@dataclass(frozen=True, slots=True)
class Objects:
    """Photos of which it is known which classes are in them, and which are not.

    Attributes:
        classes: All of them.
        present: Those in each photo.
    """

    classes: frozenset[str]
    present: Mapping[Path, frozenset[str]]


def read_folders(folder: Path, per_label: int | None) -> dict[Path, str]:
    """Labels by photo, from a folder of folders.

    Args:
        folder: Each folder in it is a label.
        per_label: How many photos of each are taken, the first by name; None for all.
    """
    labels: dict[Path, str] = {}
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith("."):
            files = sorted(file for file in place.iterdir() if not file.name.startswith("."))
            labels |= dict.fromkeys(files[:per_label], place.name)
    return labels


def read_captions(folder: Path, file: Path) -> dict[Path, tuple[str, ...]]:
    """Captions by photo, from a CSV of file and caption or from COCO's JSON.

    Photos that are not below the folder are left out.
    """
    captions: dict[str, list[str]] = defaultdict(list)
    if file.suffix == ".json":
        document = json.loads(file.read_text("utf-8"))
        names = {image["id"]: image["file_name"] for image in document["images"]}
        for one in document["annotations"]:
            captions[names[one["image_id"]]].append(one["caption"].strip())
    else:
        with file.open(encoding="utf-8", newline="") as lines:
            for name, *caption in csv.reader(lines):
                captions[name].append(",".join(caption).strip())
    places = _places(folder)
    return {places[name]: tuple(captions[name]) for name in sorted(captions) if name in places}


def read_objects(folder: Path, files: Iterable[Path]) -> Objects:
    """What is in photos, from COCO's JSON: instances, or panoptic with sky, sea and such.

    Photos that are not below the folder are left out.
    """
    places = _places(folder)
    classes: set[str] = set()
    present: dict[Path, set[str]] = {}
    for file in files:
        document = json.loads(file.read_text("utf-8"))
        names = {one["id"]: one["name"] for one in document["categories"]}
        classes.update(names.values())
        photos = {one["id"]: places.get(one["file_name"]) for one in document["images"]}
        for photo in photos.values():
            if photo is not None:
                present.setdefault(photo, set())
        for image, category in _annotations(document):
            photo = photos[image]
            if photo is not None:
                present[photo].add(names[category])
    return Objects(
        frozenset(classes), {photo: frozenset(present[photo]) for photo in sorted(present)}
    )


def _annotations(document: Mapping[str, Any]) -> Iterable[tuple[int, int]]:
    for one in document["annotations"]:
        for segment in one.get("segments_info", [one]):
            yield one["image_id"], segment["category_id"]


def _places(folder: Path) -> dict[str, Path]:
    """Where the photos below a folder lie, by their name and by their path from there."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    by_name = {file.name: file for file in reversed(files)}
    return by_name | {str(file.relative_to(folder)): file for file in files}


class Relations:
    """How the concepts of a vocabulary are related, by id; a concept counts as its own ancestor."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._above = {
            one.id: frozenset({one.id, *(up.id for up in vocabulary.ancestors(one))})
            for one in vocabulary
        }

    def above(self, concepts: Iterable[str]) -> frozenset[str]:
        """The concepts and everything that they are kinds of."""
        return frozenset[str]().union(*(self._above[one] for one in concepts))

    def verdict(self, tag: str, annotated: frozenset[str], present: frozenset[str]) -> bool | None:
        """Whether a tag is right, where it is known of all annotated concepts if they are there.

        Args:
            tag: The concept.
            annotated: The concepts that were looked for.
            present: Those of them that are there.
        """
        implied = self.above(present)
        over = self._above[tag] & annotated
        nearest = {one for one in over if not any(one in self._above[o] for o in over - {one})}
        if nearest:
            return not nearest.isdisjoint(implied)
        if tag in implied:
            return True
        return False if tag in self.above(annotated) else None


class ObjectJudge:
    """Judges by objects."""

    def __init__(self, objects: Objects, names: Names, vocabulary: Vocabulary) -> None:
        concepts = {one: names.concepts(one, vocabulary) for one in sorted(objects.classes)}
        self.unknown = [one for one, found in concepts.items() if not found]
        self.annotated = frozenset[str]().union(*concepts.values())
        self._relations = Relations(vocabulary)
        self._present = {
            photo: frozenset[str]().union(*(concepts[one] for one in present))
            for photo, present in objects.present.items()
        }

    def verdict(self, photo: Path, concept: Concept) -> bool | None:
        return self._relations.verdict(concept.id, self.annotated, self._present[photo])


class LabelJudge:
    """Judges by the label of each photo."""

    def __init__(self, labels: Mapping[Path, str], names: Names, vocabulary: Vocabulary) -> None:
        concepts = {one: names.concepts(one, vocabulary) for one in sorted(set(labels.values()))}
        self.unknown = [one for one, found in concepts.items() if not found]
        self._annotated = frozenset[str]().union(*concepts.values())
        self._relations = Relations(vocabulary)
        self._present = {photo: concepts[label] for photo, label in labels.items()}

    def verdict(self, photo: Path, concept: Concept) -> bool | None:
        present = self._present[photo]
        if not present:
            return None
        if not present.isdisjoint(self._relations.above([concept.id])):
            return True
        return self._relations.verdict(concept.id, self._annotated, present)


class CaptionJudge:
    """Judges by what captions mention."""

    def __init__(self, captions: Mapping[Path, Sequence[str]], vocabulary: Vocabulary) -> None:
        self.unknown: list[str] = []
        self._texts = {photo: "\n".join(texts).casefold() for photo, texts in captions.items()}
        self._vocabulary = vocabulary
        self._alone = cache(lambda one: _pattern([one]))
        self._with_kinds = cache(lambda one: _pattern([one, *vocabulary.descendants(one)]))

    def verdict(self, photo: Path, concept: Concept) -> bool | None:
        text = self._texts[photo]
        if self._with_kinds(concept).search(text):
            return True
        above = self._vocabulary.ancestors(concept)
        return None if any(self._alone(one).search(text) for one in above) else False


def _pattern(concepts: Iterable[Concept]) -> re.Pattern[str]:
    words = sorted({word.casefold() for one in concepts for word in (one.name, *one.synonyms)})
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})(?:s|es)?\b")
