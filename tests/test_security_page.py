"""docs/security.md promises nothing that no test shows."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PROMISES = re.findall(
    r"`(tests/[\w/]+\.py)::(\w+)`", (PROJECT / "docs" / "security.md").read_text("utf-8")
)


@pytest.mark.parametrize(("file", "name"), PROMISES)
def test_each_test_that_the_page_names_exists(file: str, name: str) -> None:
    source = (PROJECT / file).read_text("utf-8")
    assert re.search(rf"^ *def {name}\(", source, re.MULTILINE)


def test_each_promise_names_its_test() -> None:
    page = (PROJECT / "docs" / "security.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "promise" not in line]
    assert len(rows) == len(PROMISES) > 20
