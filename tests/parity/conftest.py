"""What the parity tests share: a place for packs, and their figures at the end of the run."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

# Before anything loads onnxruntime past `photond.models.runtime`.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import pytest

LIBRARIES = ["torch", "transformers", "sentencepiece", "tokenizers", "onnxruntime", "pillow"]
FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> list[str]:
    """Lines for the end of the run."""
    return pytestconfig.stash.setdefault(FIGURES, [])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for packs. They are large, and gone when the tests of one model are done."""
    folder = tmp_path_factory.mktemp("packs")
    yield folder
    shutil.rmtree(folder)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if lines := config.stash.get(FIGURES, []):
        terminalreporter.section("parity")
        terminalreporter.line(", ".join(f"{name} {version(name)}" for name in LIBRARIES))
        for line in lines:
            terminalreporter.line(line)
