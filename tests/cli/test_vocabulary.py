"""`photond vocabulary`, as a user changes what photos are tagged with."""

from pathlib import Path

from tests.conftest import Command


def own_file(photond: Command) -> Path:
    return photond.config_file.with_name("vocabulary.toml")


def listed(photond: Command, *arguments: str) -> list[str]:
    return [one["name"] for one in photond("vocabulary", "list", *arguments, "--json").json]


def test_a_concept_is_added_listed_and_taken_out_again(photond: Command) -> None:
    everyday = listed(photond)
    run = photond(
        "vocabulary",
        "add",
        "Rex",
        "--synonym",
        "our dog",
        "--parent",
        "dog",
        "--prompt",
        "a brown dog",
    )
    assert "photond retag" in run.stdout
    assert listed(photond, "--own") == ["Rex"]
    assert listed(photond)[0] == "Rex"
    assert "Rex" in listed(photond, "animal")
    assert "Rex\tdog\tour dog" in photond("vocabulary", "list", "our dog").stdout
    photond("vocabulary", "remove", "rex", "shark")
    assert listed(photond) == [name for name in everyday if name != "shark"]
    photond("vocabulary", "add", "shark")
    assert sorted(listed(photond)) == sorted(everyday)


def test_an_exported_vocabulary_can_be_imported_elsewhere(photond: Command, tmp_path: Path) -> None:
    photond("vocabulary", "add", "Rex", "--parent", "dog")
    exported = tmp_path / "all.toml"
    photond("vocabulary", "export", exported)
    before = photond("vocabulary", "list").stdout
    own_file(photond).unlink()
    photond("vocabulary", "import", exported, "--replace")
    assert photond("vocabulary", "list").stdout == before
    assert photond("vocabulary", "export").stdout == exported.read_text()


def test_a_plain_list_can_be_all_that_photos_are_tagged_with(
    photond: Command, tmp_path: Path, photos: Path, sample
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("a cat\na cup of coffee\n# nothing else\n")
    photond("vocabulary", "import", words, "--replace")
    assert listed(photond) == ["a cat", "a cup of coffee"]
    assert photond("vocabulary", "export", "--text").stdout == "a cat\na cup of coffee\n"
    sample("coffee", photos / "coffee.jpg")
    photond("index", photos)
    assert photond("tags").stdout == "1\ta cup of coffee\n"


def test_what_cannot_be_is_refused_in_a_sentence(photond: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\0")
    for arguments, reason, code in (
        (("add", "Rex", "--parent", "dogg"), "Did you mean 'dog'?", 3),
        (("add", " "), "cannot be a tag", 2),
        (("remove", "the loch ness monster"), "the vocabulary has no", 2),
        (("list", "the loch ness monster"), "the vocabulary has no", 2),
        (("import", tmp_path / "gone.toml"), "there is no file", 2),
        (("import", empty), "has no concept in it", 2),
        (("import", binary), "cannot be read as text", 2),
    ):
        assert reason in photond("vocabulary", *arguments, code=code).stderr
    assert not own_file(photond).exists()


def test_a_damaged_vocabulary_is_refused_before_a_photo_is_opened(
    photond: Command, photos: Path, sample
) -> None:
    sample("cat", photos / "cat.jpg")
    own_file(photond).parent.mkdir(parents=True)
    own_file(photond).write_text("[[concept]]\nname = 'a'\nnmae = 'b'\n")
    run = photond("index", photos, code=3)
    assert "vocabulary.toml: unknown key: `nmae`" in run.stderr
    assert not photond.database.exists()
