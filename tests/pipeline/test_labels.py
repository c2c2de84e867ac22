"""Labels as arrays, and embedding those that are lacking."""

import hashlib
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from photond.errors import ModelError
from photond.models.pack import LabelsSpec, Pack
from photond.models.towers import TextTower
from photond.pipeline.labels import LabelBook, LabelEncoder, shipped_labels
from photond.vocabulary.concepts import Concept, Vocabulary, everyday


@pytest.fixture(scope="module")
def tower(mini: Pack) -> TextTower:
    return TextTower(mini)


def test_the_labels_that_come_with_mini_are_the_towers_own_and_complete(
    mini: Pack, tower: TextTower
) -> None:
    """If not: python tools/build_label_embeddings.py photond/packs/mini."""
    shipped = shipped_labels(mini)
    assert LabelBook(everyday(), mini, {}).lacking == []
    prompts = list(shipped)[::100]
    together = (tower.embed(prompts) * np.stack([shipped[one] for one in prompts])).sum(axis=1)
    assert together == pytest.approx(1, abs=1e-3)


def test_a_concept_of_several_prompts_is_their_mean(mini: Pack, tower: TextTower) -> None:
    both = ("a photo of our red canoe", "a photo of a lake")
    canoe = Concept(id="canoe", name="our canoe", prompts=both)
    book = LabelBook(Vocabulary((canoe,)), mini, {})
    assert book.lacking == list(both)
    assert book.bank.labels == ()
    book.add(dict(zip(both, tower.embed(both), strict=True)))
    assert book.is_complete
    mean = tower.embed(both).mean(axis=0)
    expected = mean / np.linalg.norm(mean)
    assert book.bank.embeddings[0] == pytest.approx(expected, abs=1e-6)


def test_groups_that_a_pack_is_blind_to_are_no_labels(mini: Pack) -> None:
    assert "styles" in mini.score.unseen
    labels = set(LabelBook(everyday(), mini, {}).bank.labels)
    groups = {concept.group for concept in everyday() if concept.name in labels}
    assert groups == {concept.group for concept in everyday()} - set(mini.score.unseen)


def test_what_was_computed_before_counts_before_what_comes_with_the_pack(mini: Pack) -> None:
    mine = np.eye(384, dtype=np.float32)[0]
    dog = Vocabulary((Concept(id="dog", name="dog"),))
    known = LabelBook(dog, mini, {"a photo of dog": mine, "a photo of nothing": mine})
    assert np.array_equal(known.bank.embeddings[0], mine)


def test_labels_come_one_after_the_other_in_their_order(tower: TextTower) -> None:
    prompts = [f"thing {number}" for number in range(30)]
    encoder = LabelEncoder(prompts, lambda: tower)
    taken: list[str] = []
    while encoder.left:
        taken += encoder.take(timeout=5)
    assert taken == prompts
    assert encoder.take() == {}
    encoder.stop()


def test_a_tower_that_fails_is_reported_to_who_waits() -> None:
    def fails() -> TextTower:
        raise ModelError("the tower is gone")

    encoder = LabelEncoder(["thing"], fails)
    with pytest.raises(ModelError, match="the tower is gone"):
        encoder.take(timeout=5)


def test_stopping_does_not_wait_for_the_rest(tower: TextTower) -> None:
    encoder = LabelEncoder([f"thing {number}" for number in range(2_000)], lambda: tower)
    encoder.take(timeout=5)
    encoder.stop()
    time.sleep(0.3)
    encoder.take()
    left = encoder.left
    time.sleep(0.3)
    encoder.take()
    assert encoder.left == left > 1_000


def test_label_embeddings_that_are_none_are_refused(mini: Pack, tmp_path: Path) -> None:
    file = tmp_path / "labels.npz"
    np.savez(file, prompts=np.array(["dog"]), embeddings=np.zeros((1, 3), np.float16))
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    spec = LabelsSpec(file="labels.npz", sha256=sha256)
    with pytest.raises(ModelError, match="no label embeddings"):
        shipped_labels(msgspec.structs.replace(mini, labels=spec, folder=tmp_path))
    file.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="is damaged"):
        shipped_labels(msgspec.structs.replace(mini, labels=spec, folder=tmp_path))
