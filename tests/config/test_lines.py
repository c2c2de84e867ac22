"""The finder must agree with documents whose lines are known because the test wrote them."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photond.config.lines import key_lines, statements

# How long an example takes depends on who else uses the machine.
unhurried = settings(deadline=None)


def quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), TEXT.map(quoted))
TRICKY = st.sampled_from(
    [
        "a = 1",
        "[table]",
        "# b = 2",
        "]",
        "}",
        '"',
        "x = [",
        "# ]",
        "= ]",
    ]
)
LITERAL_LINES = st.lists(TRICKY, max_size=4).map(lambda lines: "'''\n" + "\n".join(lines) + "'''")
BASIC_LINES = st.lists(TRICKY.filter(lambda line: '"' not in line), max_size=4).map(
    lambda lines: '"""\\\n' + "\n".join(lines) + '\n"""'
)
SCALARS = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(["true", "1979-05-27", "2.5", "'[a]'", '"# not a comment"', '"]"']),
    TEXT.map(quoted),
    LITERAL_LINES,
    BASIC_LINES,
)
LISTS = st.builds(
    lambda entries, end: "[ # ]\n" + "".join(f"{entry}, # ],\n" for entry in entries) + end,
    st.lists(SCALARS, max_size=3),
    st.sampled_from(["]", "  ] ", "] # end"]),
)
INLINE = st.lists(SCALARS, max_size=3).map(
    lambda entries: "{" + ", ".join(f"k{n}.x = {entry}" for n, entry in enumerate(entries)) + "}"
)
NOISE = st.lists(st.sampled_from(["", "  ", "# a = 1", "# [table]", '#"""', "\t#'''"]), max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """A valid document, and the line of each of its keys as it was written."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text, expected = "", {}

    def add(part: str) -> int:
        nonlocal text
        line = text.count("\n") + 1
        text += part.replace("\n", newline) + newline
        return line

    table: tuple[str, ...] = ()
    for number in range(draw(st.integers(0, 6))):
        for line in draw(NOISE):
            add(line)
        name = draw(NAMES)
        # A prefix keeps names apart, so that the document is valid.
        own = f"u{number}"
        kind = draw(st.sampled_from(["key", "dotted", "table", "array"]))
        indent = draw(st.sampled_from(["", " ", "\t"]))
        if kind in {"table", "array"}:
            left, right = ("[", "]") if kind == "table" else ("[[", "]]")
            line = add(f"{indent}{left} {own} . {name} {right} # x")
            table = (own, plain(name))
            expected[table[:1]] = expected[table] = line
        else:
            key = own if kind == "key" else f"{own} . {name}"
            value = draw(st.one_of(SCALARS, LISTS, INLINE))
            line = add(f"{indent}{key} = {value}")
            path = (*table, own) if kind == "key" else (*table, own, plain(name))
            expected[path] = line
            expected[(*table, own)] = line
    return text, expected


def plain(name: str) -> str:
    return next(iter(tomllib.loads(f"{name} = 1")))


@unhurried
@given(documents())
def test_each_key_is_on_the_line_where_it_was_written(
    document: tuple[str, dict[tuple[str, ...], int]],
) -> None:
    text, expected = document
    tomllib.loads(text)
    lines = key_lines(text)
    assert {path: lines.get(path) for path in expected} == expected


@unhurried
@given(documents())
def test_statements_put_together_are_the_document(
    document: tuple[str, dict[tuple[str, ...], int]],
) -> None:
    text = document[0].replace("\r\n", "\n")
    assert "".join(statement for _line, statement in statements(text)) == text + "\n"


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a.b = 1\na.c = 2", ("a", "c"), 2),
        ("a = {b = 1,\tc = {d = 2}}", ("a", "c", "d"), 1),
        ("[a]\n[a.b]\nc = 1", ("a", "b", "c"), 3),
        ("[a.b]\nc = 1\n[a]\nd = 1", ("a",), 1),
        ("[[a]]\nb = 1\n[[a]]\nb = 2", ("a", "b"), 2),
        ('"a.b" = 1\na.b = 2', ("a", "b"), 2),
        ("x = '''\na = 1\n'''\na = 2", ("a",), 4),
        ("# a = 1\na = 2", ("a",), 2),
    ],
)
def test_the_line_of_a_key(text: str, path: tuple[str, ...], line: int) -> None:
    assert key_lines(text)[path] == line
