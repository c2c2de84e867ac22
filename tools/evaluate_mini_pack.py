"""Measure a model pack on photos with captions and on photos with labelled objects.

    python tools/evaluate_mini_pack.py --captions captions.txt --photos Images --coco COCO-MINI

`--captions` is a CSV of photo name and caption with a header, as Flickr8k has it, several rows a
photo; `--photos` is the folder of the photos. `--coco` is a folder with `annotations` and `val2017`
and `train2017` as COCO has them. Neither is part of the project. Needs photond itself and
scikit-learn beside tools/requirements-mini-pack.txt.
"""

import argparse
import csv
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.linear_model import LogisticRegression

from photond.imaging.preprocess import InputSpec, to_tensor
from photond.models.pack import Pack, load_pack
from photond.models.score import confidence
from photond.models.towers import ImageTower, TextTower
from photond.pipeline.tagging import everyday_vocabulary

Float32 = npt.NDArray[np.float32]
Truth = npt.NDArray[np.bool_]

# Words that captions of everyday photos use, searched one by one, with what a caption that mentions
# them has a word beginning with. Plain nouns below speak for themselves.
SPELLINGS = {
    "dog": r"dog|pupp(y|ies)",
    "man": r"(?:man|men|guy)s?\b",
    "woman": r"(?:woman|women|lady)s?\b",
    "child": r"child|kid|boy|girl|toddler|baby|babies",
    "people": r"people|crowd|group|men|women",
    "water": r"water|ocean|sea|lake|river|pool|swim",
    "bike": r"bik|bicycl|cycl",
    "bicycle": r"bik|bicycl|cycl",
    "car": r"cars?\b",
    "football": r"football|soccer",
    "soccer": r"soccer|football",
    "bird": r"bird|gull|duck|pigeon",
    "swimming": r"swim",
    "ocean": r"ocean|sea|beach",
    "skier": r"ski(?!n|p|rt)",
    "snowboard": r"snowboard",
    "tree": r"tree",
    "city": r"city|cities|urban",
    "hat": r"hats?\b",
    "bar": r"bars?\b",
    "couch": r"couch|sofa",
    "race": r"rac(e|ing)",
    "ice": r"ices?\b",
    "climbing": r"climb",
    "hiking": r"hik",
    "jumping": r"jump",
    "running": r"run|ran",
    "walking": r"walk",
    "sitting": r"sit|sat",
    "eating": r"eat",
    "drinking": r"drink",
    "fishing": r"fish",
    "kissing": r"kiss",
    "smiling": r"smil",
    "leaves": r"leaf|leaves",
    "flowers": r"flower",
    "puppy": r"pupp",
}
PLAIN = """
boy girl baby crowd beach snow mountain motorcycle street grass field ball baseball tennis
horse pool skateboard rock cliff park playground swing slide bench building sidewalk bridge
river lake boat fountain toy stick helmet sunglasses camera guitar food table restaurant bed
window fence wall sand night rope tent flag train
"""
WORDS = [*SPELLINGS, *PLAIN.split()]
# COCO's supercategories as people would search for them.
GENERIC = {
    "person": "people",
    "animal": "animal",
    "vehicle": "vehicle",
    "food": "food",
    "furniture": "furniture",
    "sports": "sport",
    "electronic": "electronics",
    "appliance": "kitchen",
    "accessory": "bag",
}
# Below this cosine no tag is ever shown. Pairs there are nearly all of the pairs and would alone
# decide a logistic regression: it is fitted on the pairs above.
CALIBRATED_FROM = 0.3


@dataclass(frozen=True, slots=True)
class Labelled:
    """Photos, and what is in them.

    Attributes:
        name: Of the set.
        photos: float32 [photos, D], embeddings.
        labels: What may be in them.
        truth: bool [labels, photos], what a person would accept.
    """

    name: str
    photos: Float32
    labels: list[str]
    truth: Truth


def embed_photos(pack: Pack, paths: Iterable[Path]) -> Float32:
    """Embeddings float32 [photos, D]."""
    spec = pack.image
    wanted = InputSpec(spec.size, spec.resize, spec.resampling, spec.mean, spec.std)
    tower = ImageTower(pack)
    rows = []
    for path in paths:
        with Image.open(path) as picture:
            rows.append(tower.embed(to_tensor(picture.convert("RGB"), wanted)[None]))
    return np.concatenate(rows)


def read_captions(path: Path) -> dict[str, list[str]]:
    """Captions by photo name."""
    captions: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for name, *caption in rows:
            captions[name].append(",".join(caption))
    return dict(sorted(captions.items()))


def mentions(captions: Iterable[list[str]], word: str, at_least: int) -> list[bool]:
    """For each photo: do `at_least` of its captions mention the word?"""
    if word in SPELLINGS:
        pattern = re.compile(rf"\b(?:{SPELLINGS[word]})", re.IGNORECASE)
    else:
        pattern = re.compile(rf"\b{word}\w{{0,4}}\b", re.IGNORECASE)
    return [sum(bool(pattern.search(text)) for text in texts) >= at_least for texts in captions]


def read_coco(folder: Path) -> tuple[list[Path], list[set[int]], dict[int, dict[str, str]]]:
    """Photos, the categories in each, and the categories by id."""
    paths: list[Path] = []
    contents: list[set[int]] = []
    categories: dict[int, dict[str, str]] = {}
    for split in ("train2017", "val2017"):
        text = (folder / "annotations" / f"instances_{split}.json").read_text(encoding="utf-8")
        instances = json.loads(text)
        categories |= {category["id"]: category for category in instances["categories"]}
        found: dict[int, set[int]] = defaultdict(set)
        for box in instances["annotations"]:
            found[box["image_id"]].add(box["category_id"])
        for path in sorted((folder / split).glob("*.jpg")):
            paths.append(path)
            contents.append(found[int(path.stem)])
    return paths, contents, categories


def average_precision(scores: Float32, truth: Truth) -> float:
    """Mean over the right photos of the precision at their rank."""
    ranked = truth[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def mean_average_precision(query: Callable[[str], Float32], given: Labelled) -> float:
    """Over the labels that at least four photos have, each as a query."""
    return float(
        np.mean(
            [
                average_precision(given.photos @ query(label), truth)
                for label, truth in zip(given.labels, given.truth, strict=True)
                if truth.sum() >= 4  # noqa: PLR2004
            ]
        )
    )


def report_captions(
    photos: Float32, captions: list[list[str]], query: Callable[[str], Float32]
) -> None:
    """Every caption as a query for its own photo."""
    ranks = []
    for own, texts in enumerate(captions):
        for text in texts:
            scores = photos @ query(text)
            ranks.append(1 + int((scores > scores[own]).sum()))
    found = np.array(ranks)
    print(
        f"captions: R@1 {(found <= 1).mean():.1%}, R@10 {(found <= 10).mean():.1%}, "  # noqa: PLR2004
        f"median rank {np.median(found):.0f} of {len(photos)}"
    )


def report_calibration(pack: Pack, tags: Callable[[str], Float32], sets: list[Labelled]) -> None:
    """How often a label is right at each cosine, and the scale and bias that say so."""
    cosines, truths, weights = [], [], []
    for given in sets:
        scores = np.stack([given.photos @ tags(label) for label in given.labels])
        kept = scores > CALIBRATED_FROM
        cosines.append(scores[kept])
        truths.append(given.truth[kept])
        weights.append(np.full(kept.sum(), 1e4 / kept.sum()))
        print(f"{given.name}: {given.truth.mean():.1%} of all pairs are right; by cosine:")
        for low in np.arange(0.0, 0.9, 0.1):
            inside = (scores >= low) & (scores < low + 0.1)
            stated = confidence(np.array([low + 0.05]), pack.score)[0]
            print(
                f"  {low:.1f}-{low + 0.1:.1f}: {inside.sum():6d} pairs, "
                f"right {given.truth[inside].mean():6.1%}, the pack says {stated:.1%}"
            )
    # Almost no penalty: two parameters cannot overfit thousands of pairs.
    fit = LogisticRegression(C=1e6).fit(
        np.concatenate(cosines)[:, None], np.concatenate(truths), np.concatenate(weights)
    )
    print(f"logit_scale {fit.coef_[0, 0]:.2f}, logit_bias {fit.intercept_[0]:.2f}")


def report_tags(pack: Pack, tags: Callable[[str], Float32], sets: list[Labelled]) -> None:
    """What a threshold on the confidence would show, and how much of it is right."""
    vocabulary = np.stack([tags(label) for label in everyday_vocabulary()])
    for given in sets:
        of_all = confidence(given.photos @ vocabulary.T, pack.score)
        known = confidence(np.stack([given.photos @ tags(x) for x in given.labels]), pack.score)
        for threshold in (0.1, 0.2, 0.25, 0.3, 0.4, 0.5):
            shown = known >= threshold
            print(
                f"{given.name}: confidence >= {threshold}: {(of_all >= threshold).sum(1).mean():.1f}"
                f" tags a photo of {len(vocabulary)}; of the {len(given.labels)} judged labels "
                f"{given.truth[shown].mean():.0%} right, {shown[given.truth].mean():.0%} found"
            )


def report_latency(pack: Pack) -> None:
    """Median milliseconds of one photo and of one short text, one thread each."""
    pixels = np.zeros((1, 3, pack.image.size, pack.image.size), np.float32)
    image, text = ImageTower(pack, threads=1), TextTower(pack, threads=1)
    for name, call in (
        ("photo", lambda: image.embed(pixels)),
        ("text", lambda: text.embed_query("a dog on the beach")),
    ):
        seconds = []
        for _ in range(30):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        print(f"{name}: {1000 * np.median(seconds):.1f} ms")


def evaluate(pack: Pack, captions_file: Path, photos: Path, coco: Path) -> None:
    """Print everything."""
    tower = TextTower(pack)

    def tags(label: str) -> Float32:
        return tower.embed([pack.text.tag_prompt.replace("{label}", label)])[0]

    captions = read_captions(captions_file)
    texts = list(captions.values())
    captioned = embed_photos(pack, [photos / name for name in captions])
    report_captions(captioned, texts, tower.embed_query)
    twice = np.array([mentions(texts, word, 2) for word in WORDS])
    words = Labelled("captioned", captioned, WORDS, twice)
    print(f"words: mAP {mean_average_precision(tower.embed_query, words):.1%}")

    paths, contents, categories = read_coco(coco)
    objects = embed_photos(pack, paths)
    names = [category["name"] for category in categories.values()]
    truth = np.array([[number in content for content in contents] for number in categories])
    exact = Labelled("coco", objects, names, truth)
    print(f"objects: mAP {mean_average_precision(tower.embed_query, exact):.1%}")
    above = [category["supercategory"] for category in categories.values()]
    joined = np.array([truth[[name == group for name in above]].any(axis=0) for group in GENERIC])
    generic = Labelled("generic", objects, list(GENERIC.values()), joined)
    print(f"generic words: mAP {mean_average_precision(tower.embed_query, generic):.1%}")

    once = np.array([mentions(texts, word, 1) for word in WORDS])
    judged = [Labelled("captioned", captioned, WORDS, once), exact]
    report_calibration(pack, tags, judged)
    report_tags(pack, tags, judged)
    report_latency(pack)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, default=Path("photond/packs/mini"))
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--coco", type=Path, required=True)
    given = parser.parse_args()
    evaluate(load_pack(given.pack), given.captions, given.photos, given.coco)


if __name__ == "__main__":
    main()
