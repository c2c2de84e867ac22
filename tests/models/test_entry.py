"""A pack that claims to be one of the registry states what the registry states."""

import shutil
from pathlib import Path

import msgspec
import pytest

from photond.errors import ModelError
from photond.models.entry import check_against_registry, differences
from photond.models.pack import LabelsSpec, Pack, Reference, load_pack, read_manifest
from photond.models.registry import REGISTRY
from photond.models.shelf import BUILT_IN
from tests.graphs import edit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def changed(pack: Pack, table: str | None = None, **keys: object) -> Pack:
    if table is None:
        return msgspec.structs.replace(pack, **keys)
    part = msgspec.structs.replace(getattr(pack, table), **keys)
    return msgspec.structs.replace(pack, **{table: part})


@pytest.mark.parametrize(
    ("table", "keys", "said"),
    [
        ("image", {"size": 224}, "image.size is 224 and should be 260"),
        ("image", {"mean": (0.4, 0.4, 0.4)}, "image.mean is [0.4, 0.4, 0.4] and should be [0.498"),
        ("text", {"pad_id": 1}, "text.pad_id is 1 and should be 0"),
        (
            "text",
            {"vocabulary_size": None},
            "text.vocabulary_size is not stated and should be 30522",
        ),
        (
            "text",
            {"attention_mask": "mask"},
            "text.attention_mask is 'mask' and should not be stated",
        ),
        ("tokenizer", {"sha256": "0" * 64}, "tokenizer.sha256 is '0000"),
        ("score", {"logit_scale": 1.0}, "score.logit_scale is 1.0 and should be 7.6"),
        (None, {"embedding_dimension": 4}, "embedding_dimension is 4 and should be 384"),
        (None, {"untrained": True}, "untrained is True and should be False"),
    ],
)
def test_a_difference_names_its_key(
    mini: Pack, table: str | None, keys: dict[str, object], said: str
) -> None:
    (difference,) = differences(changed(mini, table, **keys), mini)
    assert difference.startswith(said)


def test_what_an_entry_leaves_open_may_be_anything(mini: Pack) -> None:
    entry = changed(mini, "image", sha256=None, bytes=None)
    entry = changed(entry, reference=None, labels=None, revision="main")
    labels = LabelsSpec(file="labels.npz", sha256="1" * 64)
    reference = Reference(cosines=((0.5,),))
    pack = changed(
        changed(mini, "image", bytes=7), labels=labels, reference=reference, revision=COMMIT
    )
    assert differences(pack, entry) == []


def test_where_it_lies_and_how_it_is_described_does_not_matter(mini: Pack) -> None:
    pack = changed(mini, folder=Path("/elsewhere"), title="Other", unverified=("the title",))
    assert differences(pack, mini) == []


def test_how_many_pictures_a_call_computes_does_not_matter(mini: Pack) -> None:
    assert differences(changed(mini, "image", batch=8), mini) == []
    assert changed(mini, "image", batch=8).fingerprint == mini.fingerprint


def test_a_revision_that_is_a_commit_must_be_that_commit(mini: Pack) -> None:
    entry = changed(mini, revision=COMMIT)
    assert differences(mini, entry) == [f"revision is '1' and should be '{COMMIT}'"]


def test_only_a_pack_from_the_same_repository_is_held_to_the_entry(
    tmp_path: Path, mini: Pack
) -> None:
    entry = tmp_path / "registry" / "mini"
    shutil.copytree(BUILT_IN / "mini", entry)
    edit(entry, ('revision = "1"', 'revision = "1"\nrepository = "some/where"'))
    edit(entry, ("size = 260", "size = 224"))
    check_against_registry(mini, entry.parent)
    other = changed(mini, repository="else/where")
    check_against_registry(other, entry.parent)
    with pytest.raises(ModelError, match=r"some/where: image\.size is 260 and should be 224"):
        check_against_registry(changed(mini, repository="some/where"), entry.parent)
    edit(entry, ("size = 224", "size = 260"))
    check_against_registry(changed(load_pack(entry), name="mini"), entry.parent)


@pytest.mark.parametrize(
    "manifest", sorted(REGISTRY.glob("*/model.toml")), ids=lambda path: path.parent.name
)
def test_a_pack_as_its_entry_says_passes_and_a_changed_one_does_not(manifest: Path) -> None:
    entry = read_manifest(manifest)
    check_against_registry(entry)
    with pytest.raises(ModelError, match=r"text\.pad_id is 7 and should be"):
        check_against_registry(changed(entry, "text", pad_id=7))
