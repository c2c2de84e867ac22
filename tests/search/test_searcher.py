"""Questions to a small library with everything in it that one can ask for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from photond.config.settings import Settings
from photond.errors import UsageError
from photond.search.hits import Hit
from photond.search.language import parse
from photond.search.searcher import Searcher, Wish
from photond.store.database import open_index
from tests.conftest import SAMPLES, Command, make_command

Ask = Callable[..., list[Hit]]

MAKE, MODEL, DATE, LENS, GPS = 0x010F, 0x0110, 0x9003, 0xA434, 0x8825
BERLIN = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}


def photo(name: str, to: Path, **said: object) -> None:
    """A sample as a camera would have written it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
    if "turned" in said:
        image = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    if "camera" in said:
        exif[MAKE], exif[MODEL] = str(said["camera"]).split(" ", 1)
    details = exif.get_ifd(0x8769)
    if "lens" in said:
        details[LENS] = said["lens"]
    if "taken" in said:
        details[DATE] = said["taken"]
    if "gps" in said:
        exif.get_ifd(GPS).update(said["gps"])
    image.save(to, "JPEG", exif=exif)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, Path]:
    """A library on two disks, of which one is not there any more."""
    command = make_command(tmp_path_factory.mktemp("library") / "home")
    folder = command.home / "Photos"
    lisbon = folder / "Lisbon 2019"
    photo("cat", lisbon / "IMG_2041.jpg", camera="FUJIFILM X-T4", lens="XF35mmF1.4 R")
    photo(
        "coffee",
        lisbon / "deep" / "IMG_2042.jpg",
        camera="Canon EOS 100%",
        taken="2019:05:01 08:00:00",
    )
    photo("raccoon", folder / "raccoon.jpg", turned=True, gps=BERLIN, taken="2021:06:01 12:00:00")
    photo("balloon", folder / "gare" / "DSC1.jpg", taken="2020:01:01 00:00:00")
    shutil.copy(SAMPLES / "rocket.jpg", folder / "rocket.jpg")
    shutil.copy(SAMPLES / "rocket.jpg", folder / "gare" / "again.jpg")
    odd = os.fsdecode(os.fsencode(folder) + b"/Caf\xe9 Lisbon/")
    photo("mountain", Path(odd) / "m.jpg")
    away = command.home / "Away"
    photo("sunflowers", away / "IMG_9.jpg", camera="FUJIFILM X100")
    command("index", folder, away)
    away.rename(command.home / "gone")
    away.mkdir()
    command("index", away)
    command("tag", folder / "rocket.jpg", "--add", "Moon shot")
    return command, folder


@pytest.fixture(scope="module")
def ask(library: tuple[Command, Path]) -> Ask:
    """Asks it: `ask("cat", limit=3)`."""
    command, _ = library
    searcher = Searcher(
        command.database,
        Settings(),
        models_dir=command.home / "no models",
        vocabulary_file=command.home / "no vocabulary",
    )

    def answered(text: str, limit: int | None = 20, **wish: object) -> list[Hit]:
        with searcher.answer(parse(text), Wish(limit, **wish)) as answer:
            hits = list(answer.hits)
        answered.notes = answer.notes  # type: ignore[attr-defined]
        return hits

    return answered


def names(hits: list[Hit]) -> list[str]:
    return [Path(hit.path).name for hit in hits]


def test_a_file_is_found_by_its_name(ask) -> None:
    assert names(ask("IMG_2042"))[0] == "IMG_2042.jpg"
    assert names(ask("img_2042"))[0] == "IMG_2042.jpg"
    assert names(ask("2042"))[0] == "IMG_2042.jpg"


def test_a_word_in_a_folders_name_finds_what_lies_below_it(ask) -> None:
    found = names(ask("Lisbon", limit=6))
    assert {"IMG_2041.jpg", "IMG_2042.jpg", "m.jpg"} <= set(found)
    assert found[0] in {"IMG_2041.jpg", "IMG_2042.jpg", "m.jpg"}


def test_words_of_names_help_and_do_not_replace_what_is_seen(ask) -> None:
    # Nothing is named so, and the raccoon is the one that looks so.
    assert names(ask("a raccoon in the wild"))[0] == "raccoon.jpg"
    # "gare" is French for a station, and the folder of a balloon and a rocket.
    assert set(names(ask("gare", limit=2))) & {"DSC1.jpg", "again.jpg"}


def test_the_users_own_tags_are_found_as_names_are(ask) -> None:
    assert names(ask("moon shot"))[0] in {"rocket.jpg", "again.jpg"}
    assert len(ask("moon shot", names_only=True)) == 1


def test_by_names_only_finds_what_begins_so_and_nothing_by_its_look(ask) -> None:
    assert set(names(ask("IMG", names_only=True))) == {"IMG_2041.jpg", "IMG_2042.jpg"}
    assert names(ask("img -deep", names_only=True)) == ["IMG_2041.jpg"]
    assert ask("cat", names_only=True) == []
    assert [hit.score for hit in ask("IMG_2041", names_only=True)] == [None]
    with pytest.raises(UsageError, match="by names only"):
        ask("like:/x.jpg", names_only=True)


def test_identical_files_are_one_hit_with_a_count(ask) -> None:
    (first, *others) = ask("rocket")
    assert (first.path.endswith("again.jpg"), first.copies) == (True, 2)
    assert not {"again.jpg", "rocket.jpg"} & set(names(others))
    each = [
        hit
        for hit in ask("rocket", each_copy=True)
        if hit.path.endswith(("again.jpg", "rocket.jpg"))
    ]
    assert [hit.copies for hit in each] == [1, 1]
    assert len({hit.path for hit in each}) == 2
    (only,) = ask("rocket in:gare", limit=1)
    assert (only.path.endswith("again.jpg"), only.copies) == (True, 1)


def test_pages_follow_each_other_without_a_gap(ask) -> None:
    for text in ("Lisbon", "cat", "since:1990", "rocket"):
        everything = names(ask(text, limit=100))
        pages = [names(ask(text, limit=2, offset=offset)) for offset in range(0, 8, 2)]
        assert [name for page in pages for name in page] == everything
    each = names(ask("rocket", limit=100, each_copy=True))
    assert names(ask("rocket", limit=3, offset=1, each_copy=True)) == each[1:4]


def test_photos_on_disks_that_are_not_there_are_found_when_asked_for(ask) -> None:
    assert "IMG_9.jpg" not in names(ask("sunflowers"))
    (first, *_) = ask("sunflowers", offline=True)
    assert (Path(first.path).name, first.offline) == ("IMG_9.jpg", True)
    assert ask("camera:X100") == []
    assert any("--offline" in note for note in ask.notes)
    assert names(ask("camera:X100", offline=True)) == ["IMG_9.jpg"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera:X-T4", {"IMG_2041.jpg"}),
        ("camera:x-t4", {"IMG_2041.jpg"}),
        ("camera:fujifilm", {"IMG_2041.jpg"}),
        ('camera:"EOS 100%"', {"IMG_2042.jpg"}),
        ("camera:X_T4", set()),
        ("camera:x-t4 camera:canon", {"IMG_2041.jpg", "IMG_2042.jpg"}),
        ("lens:35mm", {"IMG_2041.jpg"}),
        ("near:52.52,13.40,2km", {"raccoon.jpg"}),
        ("near:52.52,13.43,1km", set()),
        ("near:52.52,13.43,3km", {"raccoon.jpg"}),
        ("near:-52.52,13.40,2km", set()),
        ("orientation:portrait", {"raccoon.jpg", "DSC1.jpg"}),
        ('in:"Lisbon 2019"', {"IMG_2041.jpg", "IMG_2042.jpg"}),
        ("in:deep", {"IMG_2042.jpg"}),
        ('in:"lisbon 2019/deep/"', {"IMG_2042.jpg"}),
        ("in:Lisbon", set()),
        ("on:2021", {"raccoon.jpg"}),
        ("since:2019 until:2020-01-01", {"IMG_2042.jpg", "DSC1.jpg"}),
        ('tag:"moon shot"', {"again.jpg"}),
        ("camera:canon tag:!cat until:2019", {"IMG_2042.jpg"}),
        ("camera:canon since:2020", set()),
    ],
)
def test_filters_alone_list_what_passes_them(ask, text: str, expected: set[str]) -> None:
    assert set(names(ask(text))) == expected
    assert all(hit.score is None for hit in ask(text))
    # The same with a concept, which orders them.
    assert set(names(ask(f"cat {text}"))) == expected


def test_what_filters_list_comes_newest_first(ask) -> None:
    assert names(ask("since:2015 until:2022")) == ["raccoon.jpg", "DSC1.jpg", "IMG_2042.jpg"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("camera:nikon", "no camera's name contains 'nikon'; there are"),
        ("lens:nikkor", "no lens's name contains 'nikkor'"),
        ("tag:moonshot", "no photo has the tag 'moonshot'; there is 'Moon shot'"),
        ("since:2150", "no photo was taken since 2150"),
        ("until:1800", "no photo was taken until 1800"),
        ("in:Nowhere", "no photo in the index lies in 'Nowhere'"),
        ("near:0,0,1km", "no photo says that it was taken there"),
        ("orientation:square", "no photo is square"),
        ("camera:canon orientation:portrait", "no photo passes all of the filters at once"),
    ],
)
def test_a_filter_that_matches_nothing_is_named(ask, text: str, said: str) -> None:
    assert ask(text) == []
    assert any(said in note for note in ask.notes), ask.notes


def test_only_one_plain_text_has_a_probability(ask) -> None:
    assert ask("cat", limit=1)[0].probability is not None
    for text in ("2*cat", "cat -dog", '"cat" "dog"', f"cat like:{SAMPLES / 'cat.jpg'}"):
        assert ask(text, limit=1)[0].probability is None


def test_an_example_counts_with_the_words_and_is_left_out_itself(ask, library) -> None:
    _, folder = library
    alike = names(ask(f'like:"{folder / "raccoon.jpg"}"'))
    assert "raccoon.jpg" not in alike
    assert names(ask(f'coffee like:"{folder / "raccoon.jpg"}"'))[0] == "IMG_2042.jpg"
    unlike = names(ask(f'"an animal" not-like:"{folder / "raccoon.jpg"}"'))
    assert "raccoon.jpg" not in unlike


def test_a_negative_pushes_down_what_matches_it_well(ask) -> None:
    plain, without = names(ask("animal")), names(ask("animal -cat"))
    assert without.index("IMG_2041.jpg") > plain.index("IMG_2041.jpg")
    assert all(-1 <= hit.score <= 1 for hit in ask("animal -cat"))


def test_a_minimum_score_holds_for_what_is_found_by_name_too(ask) -> None:
    assert "IMG_2042.jpg" in names(ask("IMG_2042"))
    score = next(hit.score for hit in ask("IMG_2042") if hit.path.endswith("IMG_2042.jpg"))
    assert "IMG_2042.jpg" not in names(ask("IMG_2042", min_score=score + 0.01))


def test_everything_can_be_read_as_it_is_found(ask) -> None:
    everything = ask("cat", limit=None)
    assert len(everything) == 6
    some = ask("cat", limit=None, min_score=everything[2].score - 1e-6)
    assert names(some) == names(everything)[:3]


def test_a_text_that_is_longer_than_the_model_reads_is_answered_and_said_to_be(ask) -> None:
    assert ask("cat " * 2000)
    assert any("longer than the model reads" in note for note in ask.notes)


def test_the_same_text_again_loads_no_model(library) -> None:
    command, _ = library
    command("query", "an accordion", "--json")
    with closing(open_index(command.database)) as connection:
        (kept,) = connection.execute("select count(*) from query_embeddings").fetchone()
        assert kept > 0
        assert "accordion" not in str(
            connection.execute("select * from query_embeddings").fetchall()
        )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command.argv("query", "an accordion", "--paths")[1:]],
        env=command.environ,
        capture_output=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert "sqlean" in loaded
    assert not loaded & {"onnxruntime", "tokenizers"}
