from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photond.config.keys import all_keys
from photond.config.load import Origin, load, load_with_origins
from photond.config.locations import chosen_file
from photond.config.settings import Settings
from photond.errors import ConfigError, ExitCode

Write = Callable[[str | bytes], Path]

INIT = "`photond config init` writes one."

# How long an example takes depends on who else uses the machine.
unhurried = settings(deadline=None)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def write(home: Path) -> Write:
    def write(content: str | bytes) -> Path:
        path = home / "c.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def problems(path: Path | None, **environ: str) -> list[str]:
    """What is wrong, one entry a line, without the folder of the file."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    prefix = f"{path.parent}/" if path else ""
    return [line.removeprefix(prefix) for line in str(caught.value).split("\n")]


def test_without_a_file_and_without_variables_everything_has_its_default() -> None:
    assert load(environ={}) == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(write: Write) -> None:
    path = write("[index]\nworkers = 2\nhidden = true\n")
    loaded, origins = load_with_origins(path, {"PHOTOND_INDEX_WORKERS": "3"})
    assert (loaded.index.workers, loaded.index.hidden, loaded.query.limit) == (3, True, 20)
    assert origins["index.workers"] == Origin("environment", "PHOTOND_INDEX_WORKERS")
    assert origins["index.hidden"] == Origin("file", f"{path}:3")
    assert origins["query.limit"] == Origin("default")
    assert [str(origins[key]) for key in ("index.hidden", "query.limit")] == [
        f"{path}:3",
        "default",
    ]
    assert origins.keys() == all_keys().keys()


def test_the_usual_file_is_read_when_none_is_named(home: Path) -> None:
    path = home / ".config/photond/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[query]\nlimit = 5\n")
    assert load(environ={}).query.limit == 5
    assert chosen_file(environ={}) == path


def test_the_variable_names_a_file_and_the_option_wins_over_it(write: Write, home: Path) -> None:
    write("[query]\nlimit = 5\n")
    environ = {"PHOTOND_CONFIG": "~/c.toml"}
    assert load(environ=environ).query.limit == 5
    other = home / "other.toml"
    other.write_text("[query]\nlimit = 6\n")
    assert load(other, environ).query.limit == 6
    assert load(environ={"PHOTOND_CONFIG": ""}) == Settings()


def test_a_file_that_was_named_must_exist(home: Path) -> None:
    missing = home / "no.toml"
    assert problems(missing) == [f"no.toml: no such configuration file. {INIT}"]
    assert problems(None, PHOTOND_CONFIG=str(missing)) == [
        f"{missing}: no such configuration file (named by PHOTOND_CONFIG). {INIT}"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[index]\nworker = 1", '2: unknown key "index.worker"; did you mean "index.workers"?'),
        ("folder = []", '1: unknown key "folder"; did you mean "folders"?'),
        ("workers = 1", '1: unknown key "workers"; did you mean "index.workers"?'),
        ("[tags]\nworkers = 1", '2: unknown key "tags.workers"; did you mean "index.workers"?'),
        (
            "index.max-seconds = 1",
            '1: unknown key "index.max-seconds"; did you mean "index.max_seconds"?',
        ),
        ("colour = 1", '1: unknown key "colour"'),
        ('"index.workers" = 1', '1: unknown key "index.workers"'),
        ("\n[indx]\nworkers = 1", '2: unknown table "indx"; did you mean "index"?'),
        ("[index.more]", '1: unknown table "index.more"'),
        ("index = 3", "1: index must be a table, not 3"),
        ("[[index]]", "1: index must be a table, not a list"),
        ("[folders]", "1: folders must be a list of non-empty strings, not a table"),
        ('folders = "~/a"', '1: folders must be a list of non-empty strings, not the string "~/a"'),
        ("folders = ['/a', 3]", "1: folders must be a list of non-empty strings, but holds 3"),
        (
            "folders = ['']",
            "1: folders must be a list of non-empty strings, but holds an empty string",
        ),
        (
            "folders = ['a']",
            '1: folders: "a" is not an absolute path; begin it with /, ~ or a variable',
        ),
        (
            "folders = ['~nobody-here/a']",
            '1: folders: "~nobody-here/a" begins with a home folder that is not known',
        ),
        (
            "database = 'a'",
            '1: database: "a" is not an absolute path; begin it with /, ~ or a variable',
        ),
        ('database = "/a\\u0000"', '1: database: "/a\\u0000" holds a NUL character'),
        ("database = 1979-05-27", "1: database must be a string, not a date or time"),
        ("model.pack = ''", "1: model.pack must be a non-empty string, not an empty string"),
        (
            "[index]\nworkers = '2'",
            '2: index.workers must be an integer from 0 to 64, not the string "2"',
        ),
        ("index.workers = 65", "1: index.workers must be an integer from 0 to 64, not 65"),
        ("index.workers = true", "1: index.workers must be an integer from 0 to 64, not true"),
        ("index.hidden = 1", "1: index.hidden must be true or false, not 1"),
        ("query.limit = 0", "1: query.limit must be an integer of at least 1, not 0"),
        (
            f"query.limit = 0x{'f' * 5000}",
            "1: query.limit must be an integer of at least 1, not a huge number",
        ),
        (
            "tags.min_confidence = nan",
            "1: tags.min_confidence must be a number from 0 to 1, not nan",
        ),
        (
            'log.level = "loud"',
            '1: log.level must be "debug", "info", "warning" or "error", not the string "loud"',
        ),
        ("a\n", "1:2: Expected '=' after a key in a key/value pair"),
        ("\n[index]\n  workers = ,", "3:13: Invalid value"),
        ("\nfolders = [\n'/a',\n", "2: Invalid value (it reaches the end of the file)"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, problem: str, write: Write) -> None:
    assert problems(write(text)) == [f"c.toml:{problem}"]


def test_all_that_is_wrong_is_said_at_once(write: Write) -> None:
    path = write("folder = 1\n[index]\nworkers = 'a'\n")
    assert problems(path, PHOTOND_QUERY_LIMIT="x") == [
        'c.toml:1: unknown key "folder"; did you mean "folders"?',
        'c.toml:3: index.workers must be an integer from 0 to 64, not the string "a"',
        'PHOTOND_QUERY_LIMIT: query.limit must be an integer of at least 1, not the string "x"',
    ]


def test_a_byte_order_mark_and_windows_lines_do_no_harm(write: Write) -> None:
    path = write(b"\xef\xbb\xbf[query]\r\nlimit = 5\r\n")
    loaded, origins = load_with_origins(path, {})
    assert loaded.query.limit == 5
    assert str(origins["query.limit"]) == f"{path}:2"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"# \n# caf\xe9\n", "c.toml:2: not UTF-8 (byte 0xe9); save it as UTF-8"),
        (
            b"#" * (1 << 20) + b"\n",
            "c.toml: larger than 1 MiB, so this cannot be a configuration of photond",
        ),
        (b"a = " + b"[" * 100_000, "c.toml: nested too deeply"),
    ],
)
def test_a_file_that_is_not_a_configuration_is_refused(
    content: bytes, problem: str, write: Write
) -> None:
    assert problems(write(content)) == [problem]


def test_an_integer_with_thousands_of_digits_has_a_line_too(write: Write) -> None:
    (problem,) = problems(write("\n[query]\nlimit = " + "9" * 5000))
    assert problem.startswith("c.toml:3: Exceeds the limit")


def test_a_folder_is_no_configuration(home: Path) -> None:
    (problem,) = problems(home)
    assert problem.endswith(": cannot be read: is a directory")


def test_an_unreadable_file_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write("")
    monkeypatch.setattr(Path, "open", refuse)
    assert problems(path) == ["c.toml: cannot be read: permission denied"]


def test_a_name_that_cannot_be_printed_still_makes_one_line(home: Path) -> None:
    (problem,) = problems(home / "a\nb\udcff.toml")
    assert problem.startswith(r"a\nb\udcff.toml: no such")


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("FOLDERS", "/a:~/b", "folders", ("/a", "~/b")),
        ("FOLDERS", '["/a:b", "/c"]', "folders", ("/a:b", "/c")),
        ("FOLDERS", "", "folders", ()),
        ("FOLDERS", "/\udcff", "folders", ("/\udcff",)),
        ("DATABASE", "/x/y.db", "database", "/x/y.db"),
        ("DATABASE", '"/x"', "database", "/x"),
        ("DATABASE", "", "database", ""),
        ("MODEL_PACK", "123", "model.pack", "123"),
        ("MODEL_PACK", '"a"\nb = 1', "model.pack", '"a"\nb = 1'),
        ("INDEX_WORKERS", "7", "index.workers", 7),
        ("INDEX_EXCLUDE", "*.gif:tmp/", "index.exclude", ("*.gif", "tmp/")),
        ("INDEX_HIDDEN", "true", "index.hidden", True),
        ("TAGS_MIN_CONFIDENCE", "1", "tags.min_confidence", 1.0),
        ("TAGS_MIN_CONFIDENCE", "0.25", "tags.min_confidence", 0.25),
        ("LOG_LEVEL", "debug", "log.level", "debug"),
        ("LOG_FORMAT", "'json'", "log.format", "json"),
    ],
)
def test_every_kind_of_key_can_be_set_by_a_variable(
    name: str, text: str, key: str, value: object
) -> None:
    found: object = load(environ={f"PHOTOND_{name}": text})
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("PHOTOND_INDEX_WORKER", "1", "unknown variable; did you mean PHOTOND_INDEX_WORKERS?"),
        ("PHOTOND_XYZZY", "1", "unknown variable"),
        (
            "PHOTOND_INDEX_HIDDEN",
            "yes",
            'index.hidden must be true or false, not the string "yes"',
        ),
        (
            "PHOTOND_LOG_LEVEL",
            "\udcff",
            'log.level must be "debug", "info", "warning" or "error", not the string "\\udcff"',
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_with_the_variable(
    name: str, text: str, problem: str
) -> None:
    assert problems(None, **{name: text}) == [f"{name}: {problem}"]


def test_variables_of_others_are_none_of_our_business() -> None:
    assert load(environ={"_PHOTOND_COMPLETE": "x", "PHOTON": "x", "photond_x": "y"}) == Settings()


def test_no_two_keys_share_a_variable() -> None:
    assert len({key.variable for key in all_keys().values()}) == len(all_keys())


SNIPPETS = st.sampled_from(
    [
        "folders",
        "index",
        "workers",
        "=",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'''",
        ".",
        "\n",
        "\r\n",
        "1",
        "-",
        ",",
    ]
)


@unhurried
@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_bytes_load_or_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    load_or_refuse(tmp_path_factory.getbasetemp() / "any.toml", content)


@unhurried
@given(st.lists(SNIPPETS, max_size=12).map("".join))
def test_anything_like_toml_loads_or_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    load_or_refuse(tmp_path_factory.getbasetemp() / "any.toml", text.encode())


TOML_VALUES = st.recursive(
    st.sampled_from(["1", "'a'", '"/a"', "true", "1.5", "inf", "07:32:00", "'''\na'''"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda entries: f"[{', '.join(entries)}]")
        | inner.map(lambda value: "{a = " + value + "}")
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [*all_keys(), "index", "log", "x", "index.x", "folders.x", '"index.workers"']
)


@unhurried
@given(st.dictionaries(KEYS, TOML_VALUES, max_size=4))
def test_any_value_of_any_key_loads_or_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, str]
) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in document.items())
    load_or_refuse(tmp_path_factory.getbasetemp() / "any.toml", text.encode())


@unhurried
@given(
    st.sampled_from([key.variable for key in all_keys().values()]),
    st.text(st.characters(exclude_characters="\0")),
)
def test_any_text_in_any_variable_loads_or_is_refused_in_words(name: str, text: str) -> None:
    assert "\n" not in refusal(lambda: load(environ={name: text}))


def load_or_refuse(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    text = refusal(lambda: load_with_origins(path, {}))
    assert all(line.startswith(str(path)) for line in text.splitlines())


def refusal(attempt: Callable[[], object]) -> str:
    """Why it was refused, or nothing if it was not."""
    try:
        attempt()
    except ConfigError as error:
        return str(error)
    return ""
