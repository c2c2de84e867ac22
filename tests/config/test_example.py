import re
import tomllib
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.config.example import EXAMPLE, example, render, render_origins
from photond.config.keys import all_keys, table_docs
from photond.config.load import load, load_with_origins
from photond.config.settings import (
    IndexSettings,
    LogSettings,
    ModelSettings,
    PowerSettings,
    QuerySettings,
    Settings,
    TagSettings,
)

FILE = Path(__file__).parents[2] / "config.example.toml"


def load_text(folder: Path, text: str) -> Settings:
    path = folder / "rendered.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {})


def test_the_example_in_the_repository_is_the_one_that_config_init_writes() -> None:
    assert FILE.read_text("utf-8") == example()


def test_the_example_as_it_is_only_names_the_folders(tmp_path: Path) -> None:
    assert load_text(tmp_path, example()) == EXAMPLE == Settings(folders=("~/Pictures",))
    assert tomllib.loads(example()).pop("folders") == ["~/Pictures"]


def test_uncommenting_every_key_of_the_example_gives_exactly_the_defaults(tmp_path: Path) -> None:
    text, count = re.subn(r"(?m)^# (?=\w+ = )", "", example())
    assert count == len(all_keys()) - 1, "all but the folders are commented out"
    assert load_text(tmp_path, text) == EXAMPLE
    set_keys = {
        f"{table}.{name}" if isinstance(value, dict) else table
        for table, value in tomllib.loads(text).items()
        for name in (value if isinstance(value, dict) else [table])
    }
    assert set_keys == set(all_keys())


@pytest.mark.parametrize("key", all_keys().values(), ids=list(all_keys()))
def test_every_key_is_explained_in_a_sentence(key) -> None:
    assert re.fullmatch(r"[A-Z].{15,}[.\]]", key.description), key.dotted


def test_every_table_is_explained_in_a_sentence() -> None:
    assert all(re.fullmatch(r"[A-Z].{15,}\.", text) for text in table_docs().values())


def test_the_example_fits_a_screen_in_width() -> None:
    assert max(map(len, example().splitlines())) <= 102


# How long an example takes depends on who else uses the machine.
unhurried = hypothesis.settings(deadline=None)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
ODD = st.sampled_from(
    ["\"'\\", "\n\r\t", "é\u0301", "😀👩‍👩‍👧", "\x1b[31m", "\u2028", "#", "'''", "x\x7f"]
)
STRINGS = st.one_of(TEXT, ODD)
PATHS = st.tuples(st.sampled_from(["/", "~/", "/a b/"]), STRINGS).map("".join)
COUNTS = st.integers(1, 2**63 - 1)
SETTINGS = st.builds(
    Settings,
    folders=st.lists(PATHS, max_size=3).map(tuple),
    database=st.one_of(st.just(""), PATHS),
    index=st.builds(
        IndexSettings,
        exclude=st.lists(STRINGS, max_size=3).map(tuple),
        follow_symlinks=st.booleans(),
        hidden=st.booleans(),
        workers=st.integers(0, 64),
        max_megapixels=COUNTS,
        max_megabytes=COUNTS,
        max_seconds=COUNTS,
        forget_after_days=st.integers(0, 2**63 - 1),
    ),
    model=st.builds(ModelSettings, pack=STRINGS),
    tags=st.builds(TagSettings, min_confidence=st.floats(0, 1), max_tags=st.integers(0, 100)),
    query=st.builds(QuerySettings, limit=COUNTS),
    power=st.builds(PowerSettings, on_battery=st.sampled_from(["run", "slow", "pause"])),
    log=st.builds(
        LogSettings,
        level=st.sampled_from(["debug", "info", "warning", "error"]),
        format=st.sampled_from(["auto", "console", "json"]),
    ),
)


@unhurried
@given(settings=SETTINGS, commented=st.booleans())
def test_any_settings_survive_being_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings, *, commented: bool
) -> None:
    assert (
        load_text(tmp_path_factory.getbasetemp(), render(settings, commented=commented)) == settings
    )


@unhurried
@given(settings=SETTINGS)
def test_what_config_show_prints_is_toml_that_loads(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> None:
    folder = tmp_path_factory.getbasetemp()
    load_text(folder, render(settings, commented=True))
    again, origins = load_with_origins(folder / "rendered.toml", {})
    assert load_text(folder, render_origins(again, origins)) == settings


def test_origins_stand_beside_the_values(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[query]\nlimit = 5\n")
    lines = render_origins(*load_with_origins(path, {"PHOTOND_INDEX_WORKERS": "2"})).splitlines()
    assert f"limit = 5  # {path}:2" in lines
    assert "workers = 2  # PHOTOND_INDEX_WORKERS" in lines
    assert 'pack = "mini"  # default' in lines


def test_a_folder_that_is_not_utf_8_can_be_shown() -> None:
    text = render_origins(*load_with_origins(environ={"PHOTOND_FOLDERS": "/\udcff"}))
    assert 'folders = ["/\ufffd"]' in text
