"""What becomes of the photos of an answer: lines, JSON, copies, links, and a viewer."""

import json
import os
import stat
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.cli.answer import Output
from photond.cli.line_format import LineFormat
from photond.cli.photo import numbered
from photond.errors import ExitCode, UsageError
from tests.cli.answers import item, names_in, photo, session
from tests.conftest import SAMPLES, Command

ODD = os.fsdecode(b"/photos/caf\xe9 \xff.jpg")


def shown(output: Output, items: list[dict[str, object]], tmp_path: Path, capfdbinary) -> bytes:
    assert output.show(session(tmp_path), items, "beach") is ExitCode.DONE
    return capfdbinary.readouterr().out


def test_json_is_the_array_that_json_itself_would_write(tmp_path, capfdbinary) -> None:
    items = [item(ODD), item("/b.jpg", score=None, copies=2, offline=True), item("/c.jpg", tags=[])]
    for some in (items, items[:1]):
        written = shown(Output(json=True), some, tmp_path, capfdbinary)
        assert written.decode() == json.dumps(some, indent=2) + "\n"


def test_nothing_found_is_an_empty_array_and_an_exit_code(tmp_path, capfdbinary) -> None:
    assert Output(json=True).show(session(tmp_path), [], "beach") is ExitCode.INCOMPLETE
    said = capfdbinary.readouterr()
    assert (said.out, said.err) == (b"[]\n", b"photond: no photo was found\n")


def test_jsonl_is_an_object_a_line(tmp_path, capfdbinary) -> None:
    items = [item(ODD), item("/b\n.jpg")]
    lines = shown(Output(jsonl=True), items, tmp_path, capfdbinary).splitlines()
    assert [json.loads(line) for line in lines] == items


@pytest.mark.parametrize(
    "output", [Output(), Output(json=True), Output(jsonl=True), Output(template="{path}")]
)
def test_a_photo_is_printed_before_the_next_is_found(output, tmp_path, capfdbinary) -> None:
    found = []

    def photos() -> Iterator[dict[str, object]]:
        for name in "abc":
            found.append(name)
            yield item(f"/{name}.jpg")

    printing = output._printing(session(tmp_path), is_quiet=False)(numbered(photos()))
    next(printing)
    sys.stdout.flush()
    assert b"/a.jpg" in capfdbinary.readouterr().out
    assert found == ["a"]


def test_paths_are_the_bytes_that_they_are(tmp_path, capfdbinary) -> None:
    items = [item(ODD), item("/b\n.jpg")]
    raw = [os.fsencode(ODD), b"/b\n.jpg"]
    assert shown(Output(paths=True), items, tmp_path, capfdbinary) == b"\n".join([*raw, b""])
    assert shown(Output(null=True), items, tmp_path, capfdbinary) == b"\0".join([*raw, b""])
    assert (
        shown(Output(template="{path}", null=True), items, tmp_path, capfdbinary)
        == shown(Output(paths=True, null=True), items, tmp_path, capfdbinary)
        == b"\0".join([*raw, b""])
    )


def test_every_field_of_a_line_is_what_it_is_called(tmp_path, capfdbinary) -> None:
    template = (
        "{number}|{path}|{name}|{folder}|{score:.3f}|{probability:.0%}|{taken_at}|{date}|"
        r"{width:>5}|{height}|{tags}|{copies}\t{{}}\n\\n"
    )
    line = shown(Output(template=template), [item("/p/a.jpg", copies=3)], tmp_path, capfdbinary)
    assert line == (
        b"1|/p/a.jpg|a.jpg|/p|0.250|50%|2024-06-01T12:34:56|2024-06-01|"
        b"   40|30|beach, sea|3\t{}\n\\n\n"
    )


def test_what_a_photo_does_not_have_takes_no_room(tmp_path, capfdbinary) -> None:
    bare = item("/a.jpg", score=None, probability=None, taken_at=None, tags=[])
    line = shown(
        Output(template="<{score:.3f}{probability:8.1%}{date}{taken_at}{tags}>"),
        [bare],
        tmp_path,
        capfdbinary,
    )
    assert line == b"<>\n"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{pth}", "no field {pth}"),
        ("{}", "no field {}"),
        ("{0}", "no field {0}"),
        ("{path.__class__}", "no field {path.__class__}"),
        ("{tags[0]}", "no field {tags[0]}"),
        ("{path!r}", "cannot show {path!r}"),
        ("{path:.3f}", "cannot show {path:.3f}"),
        ("{score:{width}}", "cannot show {score:{width}}"),
        ("{score", "cannot be read"),
        ("}", "cannot be read"),
    ],
)
def test_a_line_with_a_mistake_says_which(template, said) -> None:
    with pytest.raises(UsageError, match="--format") as error:
        Output(template=template)
    assert said in str(error.value)


@given(st.text(alphabet=string.printable + "é\udcff"))
def test_any_line_is_printed_or_refused(template) -> None:
    try:
        line = LineFormat.parse(template)
    except UsageError:
        return
    (one,) = numbered([item("/p/a.jpg")])
    os.fsencode(line.of(one))


@given(st.text(alphabet=st.characters(exclude_characters="{}\\", exclude_categories=["Cs"])))
def test_a_line_without_fields_is_itself(text) -> None:
    (one,) = numbered([item("/p/a.jpg")])
    assert LineFormat.parse(text).of(one) == text


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"json": True, "jsonl": True}, "--json and --jsonl"),
        ({"json": True, "null": True}, "--json and -0"),
        ({"paths": True, "template": "{path}"}, "--paths and --format"),
        ({"jsonl": True, "thumbnails": True}, "--jsonl and --thumbnails"),
        ({"copy_to": Path("a"), "link_in": Path("b")}, "--copy and --symlink"),
    ],
)
def test_options_that_exclude_each_other_are_named(options, names) -> None:
    with pytest.raises(UsageError, match=f"{names} exclude each other"):
        Output(**options)


def test_copies_are_numbered_keep_their_times_and_overwrite_nothing(tmp_path, capfd) -> None:
    first, second = tmp_path / "2023", tmp_path / "2024"
    for folder, colour in ((first, "red"), (second, "blue")):
        folder.mkdir()
        os.utime(photo(folder / "IMG_1.jpg", colour), ns=(1_500_000_000_000_000_001,) * 2)
    items = [item(first / "IMG_1.jpg"), item(second / "IMG_1.jpg")]
    to = tmp_path / "new" / "best"
    output = Output(copy_to=to)
    assert output.show(session(tmp_path), items, "") is ExitCode.DONE
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", f"photond: 2 photos were copied to {to}\n")
    assert names_in(to) == ["001 IMG_1.jpg", "002 IMG_1.jpg"]
    for name, source in (("001 IMG_1.jpg", first), ("002 IMG_1.jpg", second)):
        assert (to / name).read_bytes() == (source / "IMG_1.jpg").read_bytes()
        assert (to / name).stat().st_mtime_ns == 1_500_000_000_000_000_001

    # Once more changes nothing; another photo of that name gets one of its own.
    output.show(session(tmp_path), items, "")
    assert names_in(to) == ["001 IMG_1.jpg", "002 IMG_1.jpg"]
    output.show(session(tmp_path), [item(photo(tmp_path / "IMG_1.jpg", "green"))], "")
    assert names_in(to) == ["001 IMG_1 (2).jpg", "001 IMG_1.jpg", "002 IMG_1.jpg"]
    assert (to / "001 IMG_1.jpg").read_bytes() == (first / "IMG_1.jpg").read_bytes()


def test_what_cannot_be_copied_is_named_and_the_others_are_copied(tmp_path, capfd) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    items = [
        item(tmp_path / "gone.jpg"),
        item(tmp_path / "pipe.jpg"),
        item(photo(tmp_path / "away.jpg"), offline=True),
        item(photo(tmp_path / "here.jpg")),
    ]
    to = tmp_path / "to"
    assert Output(copy_to=to).show(session(tmp_path), items, "") is ExitCode.INCOMPLETE
    assert names_in(to) == ["004 here.jpg"]
    said = capfd.readouterr().err
    assert "gone.jpg was not copied: no such file" in said
    assert "pipe.jpg was not copied: it is not a regular file" in said
    assert "away.jpg was not copied: it is on a disk that is not there" in said
    assert "1 photo was copied" in said


def test_names_are_as_long_as_names_may_be(tmp_path) -> None:
    long = photo(tmp_path / ("ü" * 125 + ".jpg"))
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg"))
    photo(odd)
    to = tmp_path / "to"
    assert Output(copy_to=to).show(session(tmp_path), [item(long), item(odd)], "") is ExitCode.DONE
    assert [os.fsencode(name) for name in names_in(to)] == [
        f"001 {'ü' * 123}.jpg".encode(),
        b"002 \xff\xfe.jpg",
    ]


def test_links_point_to_the_photos_even_where_those_are_away(tmp_path) -> None:
    items = [item(photo(tmp_path / "a.jpg")), item("/media/usb/b.jpg", offline=True)]
    to = tmp_path / "to"
    for _ in range(2):
        assert Output(link_in=to).show(session(tmp_path), items, "") is ExitCode.DONE
    links = {name: (to / name).readlink() for name in names_in(to)}
    assert links == {"001 a.jpg": tmp_path / "a.jpg", "002 b.jpg": Path("/media/usb/b.jpg")}


def test_a_folder_that_cannot_be_written_to_is_one_error(indexed_samples, tmp_path) -> None:
    (tmp_path / "file").touch()
    run = indexed_samples("query", "cat", "--copy", tmp_path / "file" / "to", code=1)
    assert f"photond: {tmp_path}/file/to cannot be made: Not a directory\n" == run.stderr


def test_what_is_asked_for_is_printed_beside_what_is_done(indexed_samples, tmp_path) -> None:
    run = indexed_samples("query", "cat", "-n", "2", "--copy", tmp_path / "to", "--paths")
    assert len(run.stdout.splitlines()) == len(names_in(tmp_path / "to")) == 2


def test_a_reader_that_has_seen_enough_ends_the_command(indexed_samples) -> None:
    with subprocess.Popen(
        indexed_samples.argv("query", "cat", "--jsonl"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=indexed_samples.environ,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.fixture
def opener(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """An xdg-open that writes down what it is to open, and the PATH where it is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    said = tmp_path / "opened"
    program = folder / "xdg-open"
    program.write_text(
        f'#!/bin/sh\nprintf %s "$*" > {said}.new; mv {said}.new {said}; exit $CODE\n'
    )
    program.chmod(0o755)
    return said, {"PATH": f"{folder}:/usr/bin:/bin", "CODE": "0"}


@pytest.mark.parametrize("way", [["--open", "2"], ["--open=2"]])
def test_a_photo_is_opened_by_its_number(indexed_samples, opener, way) -> None:
    said, path = opener
    first, second = indexed_samples("query", "cat", "-n", "2", "--paths").stdout.splitlines()
    run = indexed_samples("query", *way, "cat", "-n", "2", **path)
    assert (said.read_text(), run.stdout) == (second, "")
    run = indexed_samples("similar", SAMPLES / "mountain.jpg", "--open", "1", "--paths", **path)
    assert said.read_text() == run.stdout.splitlines()[0]
    assert first != second


def test_without_a_number_all_are_opened_on_a_sheet_of_ones_own(
    indexed_samples, opener, tmp_path
) -> None:
    said, path = opener
    for words in (["--open", "cat"], ["cat", "--open"], ["--open", "-n", "3", "cat"]):
        indexed_samples("query", *words, **path)
        sheet = Path(said.read_text())
        assert sheet.parent == Path(indexed_samples.environ["XDG_RUNTIME_DIR"]) / "photond"
        assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
        assert "<title>cat</title>" in sheet.read_text()
        said.unlink()
    indexed_samples("query", "cat", "--open", "--sheet", tmp_path / "cats.html", **path)
    assert said.read_text() == str(tmp_path / "cats.html")


def test_a_number_after_two_dashes_is_a_word(indexed_samples, opener) -> None:
    said, path = opener
    indexed_samples("query", "--open", "--", "2", **path)
    assert "<title>2</title>" in Path(said.read_text()).read_text()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--open", "7", "-n", "2"], 1, "there is no photo 7: 2 photos were found"),
        (["--open", "0"], 2, "--open takes the number of a photo"),
        (["--open=first"], 2, "not 'first'"),
    ],
)
def test_a_number_that_no_photo_has_is_said(indexed_samples, opener, options, code, said) -> None:
    run = indexed_samples("query", "cat", *options, code=code, **opener[1])
    assert said in run.stderr
    assert not opener[0].exists()


def test_a_viewer_that_is_missing_or_fails_is_said(
    indexed_samples: Command, opener, tmp_path
) -> None:
    run = indexed_samples("query", "cat", "--open", "1", code=1, PATH=str(tmp_path))
    assert "there is no xdg-open here, which knows your viewer. Install" in run.stderr
    run = indexed_samples("query", "cat", "--open", "1", code=1, **(opener[1] | {"CODE": "3"}))
    assert "xdg-open could not open" in run.stderr
    assert "cat.jpg" in run.stderr


def test_a_photo_that_is_away_is_not_opened(tmp_path, opener, monkeypatch) -> None:
    monkeypatch.setenv("PATH", opener[1]["PATH"])
    output = Output(opened="1")
    with pytest.raises(Exception, match="on a disk that is not there"):
        output.show(session(tmp_path), [item("/media/usb/a.jpg", offline=True)], "")
    with pytest.raises(Exception, match="is not there any more"):
        output.show(session(tmp_path), [item("/nowhere/a.jpg")], "")
    assert not opener[0].exists()
