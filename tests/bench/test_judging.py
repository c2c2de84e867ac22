"""Whether a tag is right, by what is known of a photo."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judging import (
    CaptionJudge,
    LabelJudge,
    Names,
    ObjectJudge,
    Objects,
    Relations,
    read_captions,
    read_folders,
    read_names,
    read_objects,
)
from photond.vocabulary.concepts import Concept, Vocabulary

PHOTO = Path("photo.jpg")
NAMES = Names({"tv": ("television",), "food-other": ("food",)})
VOCABULARY = Vocabulary(
    Concept(id=name, name=name, synonyms=synonyms, parents=parents)
    for name, synonyms, parents in (
        ("animal", (), ()),
        ("dog", ("hound",), ("animal",)),
        ("husky", (), ("dog",)),
        ("cat", (), ("animal",)),
        ("food", (), ()),
        ("pizza", (), ("food",)),
        ("slice of pizza", (), ("pizza",)),
        ("soup", (), ("food",)),
        ("television", ("telly",), ()),
        ("sunset", (), ()),
    )
)


def concept(name: str) -> Concept:
    found = VOCABULARY.find(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("tag", "present", "verdict"),
    [
        ("dog", {"dog"}, True),
        ("dog", {"cat"}, False),
        ("husky", {"dog"}, True),
        ("husky", set(), False),
        ("animal", {"cat"}, True),
        ("animal", {"tv"}, False),
        ("television", {"tv"}, True),
        ("sunset", {"dog"}, None),
        # Pizza is a class of its own, so that food that is none of the classes says nothing of it.
        ("pizza", {"food-other"}, False),
        ("slice of pizza", {"food-other"}, False),
        ("soup", {"food-other"}, True),
        ("food", {"pizza"}, True),
    ],
)
def test_a_tag_is_right_by_the_nearest_class_of_objects(
    tag: str, present: set[str], verdict: bool | None
) -> None:
    classes = frozenset({"dog", "cat", "tv", "pizza", "food-other", "wombat"})
    judge = ObjectJudge(Objects(classes, {PHOTO: frozenset(present)}), NAMES, VOCABULARY)
    assert judge.verdict(PHOTO, concept(tag)) is verdict
    assert judge.unknown == ["wombat"]


IDS = st.frozensets(st.sampled_from([one.id for one in VOCABULARY]))


@given(st.sampled_from([one.id for one in VOCABULARY]), IDS, IDS)
def test_nothing_is_right_where_nothing_is_and_nothing_wrong_where_all_is(
    tag: str, annotated: frozenset[str], seen: frozenset[str]
) -> None:
    relations = Relations(VOCABULARY)
    assert relations.verdict(tag, annotated, frozenset()) is not True
    assert relations.verdict(tag, annotated, annotated) is not False
    # Whether a tag can be judged does not depend on what is there.
    verdicts = {
        relations.verdict(tag, annotated, present) is None
        for present in (frozenset[str](), annotated & seen, annotated)
    }
    assert len(verdicts) == 1


@pytest.mark.parametrize(
    ("label", "tag", "verdict"),
    [
        ("dog", "dog", True),
        ("hound", "dog", True),
        ("dog", "animal", True),
        # The folder of dogs may have a husky, though there is a folder of them.
        ("dog", "husky", True),
        ("husky", "dog", True),
        ("cat", "husky", False),
        ("pizza", "animal", False),
        ("dog", "sunset", None),
        ("wombat", "animal", None),
    ],
)
def test_a_tag_is_right_by_the_label_of_the_folder(
    label: str, tag: str, verdict: bool | None
) -> None:
    labels = {PHOTO: label} | {Path(one): one for one in ("dog", "husky", "cat", "pizza", "wombat")}
    judge = LabelJudge(labels, NAMES, VOCABULARY)
    assert judge.verdict(PHOTO, concept(tag)) is verdict
    assert judge.unknown == ["wombat"]


@pytest.mark.parametrize(
    ("tag", "verdict"),
    [
        ("dog", True),
        ("animal", True),
        ("husky", None),
        ("television", True),
        ("cat", False),
        ("pizza", False),
    ],
)
def test_a_tag_is_right_if_a_caption_mentions_it(tag: str, verdict: bool | None) -> None:
    captions = {PHOTO: ["Two HOUNDS by a category sign .", "A telly is on ."]}
    judge = CaptionJudge(captions, VOCABULARY)
    assert judge.verdict(PHOTO, concept(tag)) is verdict


def test_captions_are_read_from_a_csv_and_from_json(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.jpg").touch()
    (tmp_path / "below" / "b.jpg").touch()
    rows = 'file,caption\nbelow/b.jpg,"a dog, asleep"\na.jpg,one, two\na.jpg,three\nc.jpg,gone\n'
    (tmp_path / "captions.csv").write_text(rows)
    document = {
        "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 8, "file_name": "c.jpg"}],
        "annotations": [
            {"image_id": 7, "caption": "a dog \n"},
            {"image_id": 8, "caption": "gone"},
        ],
    }
    (tmp_path / "captions.json").write_text(json.dumps(document))
    assert read_captions(tmp_path, tmp_path / "captions.csv") == {
        tmp_path / "a.jpg": ("one, two", "three"),
        tmp_path / "below" / "b.jpg": ("a dog, asleep",),
    }
    assert read_captions(tmp_path, tmp_path / "captions.json") == {
        tmp_path / "below" / "b.jpg": ("a dog",)
    }


def test_objects_are_read_from_instances_and_from_panoptic(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        (tmp_path / name).touch()
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "sky"}]
    instances = {
        "categories": categories,
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [{"image_id": 1, "category_id": 1}],
    }
    panoptic = {
        "categories": categories,
        "images": [{"id": 3, "file_name": "c.jpg"}, {"id": 4, "file_name": "elsewhere.jpg"}],
        "annotations": [
            {
                "image_id": 3,
                "file_name": "c.png",
                "segments_info": [{"category_id": 1}, {"category_id": 2}],
            },
            {"image_id": 4, "segments_info": [{"category_id": 2}]},
        ],
    }
    files = [tmp_path / "instances.json", tmp_path / "panoptic.json"]
    for file, document in zip(files, (instances, panoptic), strict=True):
        file.write_text(json.dumps(document))
    objects = read_objects(tmp_path, files)
    assert objects.classes == {"dog", "sky"}
    # A photo that the files do not know is not a photo without objects.
    assert objects.present == {
        tmp_path / "a.jpg": {"dog"},
        tmp_path / "b.jpg": frozenset(),
        tmp_path / "c.jpg": {"dog", "sky"},
    }


def test_folders_are_labels_and_names_say_what_they_mean(tmp_path: Path) -> None:
    for file in ("hot_dog/2.jpg", "hot_dog/1.jpg", "hot_dog/.hidden", "tv/1.jpg", ".git/1.jpg"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "names.csv").write_text("tv,television,telly\n")
    assert read_folders(tmp_path, 1) == {
        tmp_path / "hot_dog" / "1.jpg": "hot_dog",
        tmp_path / "tv" / "1.jpg": "tv",
    }
    names = read_names(tmp_path / "names.csv")
    assert names.of("hot_dog") == ("hot dog",)
    assert names.of("tv") == ("television", "telly")
