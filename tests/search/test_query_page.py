"""docs/query.md says what is so."""

import re
from datetime import datetime
from pathlib import Path

import pytest

from photond.search.language import QueryError, parse, render
from photond.search.reading import KEYS
from photond.search.when import resolve

PAGE = (Path(__file__).parents[2] / "docs" / "query.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without the two above them."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in table[2:]]


@pytest.mark.parametrize("query", [row[0] for row in rows("Examples")])
def test_every_example_can_be_asked(query: str) -> None:
    assert parse(render(parse(query))) == parse(query)


def test_every_filter_is_explained() -> None:
    assert [row[0] for row in rows("Filters")] == [f"{key}:" for key in KEYS]


@pytest.mark.parametrize(("date", "since", "until"), rows("Dates"))
def test_every_date_means_what_is_said(date: str, since: str, until: str) -> None:
    now = datetime(2026, 11, 25, 14, 30)
    assert (resolve(date, "since", now), resolve(date, "until", now)) == (since, until)


def test_the_mistake_is_reported_as_shown() -> None:
    shown = re.search(r"```\n(.*?)\n```", PAGE.split("\n## Mistakes\n")[1], re.DOTALL)
    assert shown is not None
    with pytest.raises(QueryError) as raised:
        parse("beach camra:x")
    assert str(raised.value) == shown[1]
