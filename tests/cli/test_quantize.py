"""`photond models quantize`, in a process of its own, with a pack that means something."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import tomlkit
from onnx import numpy_helper

from photond.models.pack import Pack, load_pack
from photond.models.runtime import onnxruntime as ort
from tests.conftest import SAMPLES, Command
from tools.random_pack import TINY, write_pack


@pytest.fixture(scope="session")
def wide(mini: Pack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack `mini` as it is in memory: with all weights in float32."""
    folder = tmp_path_factory.mktemp("wide") / "wide"
    shutil.copytree(mini.folder, folder)
    manifest = tomlkit.parse((mini.folder / "model.toml").read_text())
    manifest["name"] = "wide"
    for key, part in (("image", mini.image), ("text", mini.text)):
        options = ort.SessionOptions()
        # Computes what is constant, and nothing that only this processor could run.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folder / part.file)
        options.log_severity_level = 3
        ort.InferenceSession(str(mini.path_of(part)), options, providers=["CPUExecutionProvider"])
        digest = hashlib.sha256((folder / part.file).read_bytes()).hexdigest()
        manifest[key]["sha256"] = digest  # type: ignore[index]
    (folder / "model.toml").write_text(tomlkit.dumps(manifest))
    load_pack(folder).verify()
    return folder


def models_of(photond: Command) -> Path:
    return photond.home / "data" / "photond" / "models"


@pytest.fixture
def with_wide(photond: Command, wide: Path) -> Command:
    """The command with the pack `wide`."""
    shutil.copytree(wide, models_of(photond) / "wide")
    return photond


@pytest.fixture
def with_tiny(photond: Command) -> Command:
    """The command with a tiny pack of random weights."""
    write_pack(models_of(photond) / "tiny", TINY)
    return photond


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_pack_is_made_compared_on_indexed_photos_and_used(with_wide: Command) -> None:
    photond = with_wide
    use = {"PHOTOND_MODEL_PACK": "wide"}
    photond("index", SAMPLES, **use)
    pack, index = contents(models_of(photond) / "wide"), photond.database.read_bytes()

    run = photond("models", "quantize", "wide", "--json")
    found = run.json
    assert (found["name"], found["path"]) == ("wide-int8", str(models_of(photond) / "wide-int8"))
    assert found["photos"]["origin"] == "index"
    assert found["photos"]["count"] == len(list(SAMPLES.glob("*.jpg")))
    assert found["photos"]["worst"].startswith(str(SAMPLES))
    assert found["texts"]["count"] == 60
    for kind in ("photos", "texts"):
        assert 0.95 < found[kind]["least"] <= found[kind]["mean"] <= 1.00001
    assert found["searches"]["same_first"] > 0.7
    assert found["searches"]["rank_correlation"] > 0.9
    assert found["bytes"]["new"] < 0.6 * found["bytes"]["old"]
    assert run.stderr == ""

    assert contents(models_of(photond) / "wide") == pack
    # Label embeddings are of the text tower that made them.
    new = load_pack(models_of(photond) / "wide-int8")
    assert "labels" in (models_of(photond) / "wide" / "model.toml").read_text()
    assert new.labels is None
    assert {path.name for path in new.folder.iterdir()} == {
        "model.toml",
        *(part.file for part in new.parts),
    }
    assert photond.database.read_bytes() == index
    assert photond("models", "path").stdout.strip().endswith("mini")
    assert len(photond("query", "cat", "--json", **use).json) == 20
    photond("models", "verify", "wide-int8")
    photond("models", "use", "wide-int8")
    photond("index", SAMPLES)
    best = photond("query", "cup of coffee", "--paths", "-n", "1").stdout.strip()
    assert best == str(SAMPLES / "coffee.jpg")


def test_the_report_is_for_people_and_ends_with_what_to_do(with_tiny: Command) -> None:
    shown = with_tiny("models", "quantize", "tiny", "--as", "small", "--photos", SAMPLES).stdout
    assert re.search(r"^on disk\t0\.9 MB\t0\.3 MB\t3\d%$", shown, re.MULTILINE)
    assert re.search(r"^24 photos\t0\.99\d+\t0\.99\d+\t/.*\.jpg$", shown, re.MULTILINE)
    assert re.search(r"^of 60 searches, \d+% find the same photo first; ", shown, re.MULTILINE)
    assert shown.splitlines()[-1] == "To use it: photond models use small, and photond index"


def test_without_an_index_it_is_compared_on_known_pictures(with_tiny: Command) -> None:
    run = with_tiny("models", "quantize", "tiny")
    assert "3 photos" in run.stdout
    assert "--photos DIR" in run.stdout
    assert not with_tiny.database.exists()


def test_a_pack_that_loses_much_is_told_in_plain_words(with_tiny: Command) -> None:
    """One channel that is far larger than the others leaves them few of the 256 steps."""
    folder = models_of(with_tiny) / "tiny"
    model = onnx.load(folder / "image.onnx")
    for tensor in model.graph.initializer:
        if tensor.name == "one":
            scale = numpy_helper.to_array(tensor).copy()
            scale[3] = 300
            tensor.CopyFrom(numpy_helper.from_array(scale.astype(np.float32), "one"))
    onnx.save(model, folder / "image.onnx")
    manifest = (folder / "model.toml").read_text()
    old = load_pack(folder).image.sha256
    new = hashlib.sha256((folder / "image.onnx").read_bytes()).hexdigest()
    (folder / "model.toml").write_text(manifest.replace(str(old), new))
    run = with_tiny("models", "quantize", "tiny", "--photos", SAMPLES)
    assert "photond: tiny-int8 sees photos otherwise than tiny does (a cosine of 0." in run.stderr
    assert "texts" not in run.stderr


def test_what_is_asked_wrongly_is_said_before_anything_is_done(with_tiny: Command) -> None:
    for arguments, code, words in (
        (["nothing"], 4, "no model pack"),
        (["mini"], 4, "quantised already"),
        (["tiny", "--as", "a/b"], 2, "cannot be a pack's name"),
        (["tiny", "--as", "tiny"], 2, "there is a pack 'tiny'"),
        (["tiny", "--photos", "/nowhere"], 2, "there is no /nowhere"),
        (["tiny", "--photos", models_of(with_tiny)], 2, "there is no photo in"),
    ):
        run = with_tiny("models", "quantize", *arguments, code=code)
        assert words in run.stderr
        assert run.stdout == ""
    assert [path.name for path in models_of(with_tiny).iterdir()] == ["tiny"]


@pytest.mark.parametrize("package", ["onnx", "ml_dtypes"])
def test_without_the_extra_it_says_how_to_get_it(
    with_tiny: Command, tmp_path: Path, package: str
) -> None:
    blocker = tmp_path / "blocker"
    blocker.mkdir()
    reason = f"raise ModuleNotFoundError(\"No module named '{package}'\")\n"
    (blocker / f"{package}.py").write_text(reason)
    path = os.pathsep.join([str(blocker), os.environ.get("PYTHONPATH", "")])
    run = with_tiny("models", "quantize", "tiny", code=4, PYTHONPATH=path)
    assert f"No module named '{package}'" in run.stderr
    assert "pip install 'photond[quantize]'" in run.stderr
    with_tiny("models", "verify", "mini", PYTHONPATH=path)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_interruption_leaves_no_pack_and_the_next_call_no_trace(
    with_wide: Command, end: signal.Signals
) -> None:
    models = models_of(with_wide)
    process = subprocess.Popen(
        with_wide.argv("models", "quantize", "wide"),
        env=with_wide.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 60
        # It is in the middle when a tower is being written.
        while not any(models.glob(".quantize-*/*")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.001)
    finally:
        process.send_signal(end)
        process.communicate()
    assert process.returncode == (130 if end == signal.SIGINT else -end)
    left = {".quantize-wide-int8"} if end == signal.SIGKILL else set()
    assert {path.name for path in models.iterdir()} == {"wide"} | left
    listed = {one["name"] for one in with_wide("models", "list", "--json").json}
    assert listed >= {"wide", "mini"}
    assert not any("wide-int8" in name for name in listed)
    with_wide("models", "verify", ".quantize-wide-int8", code=4)
    with_wide("models", "quantize", "wide")
    assert {path.name for path in models.iterdir()} == {"wide", "wide-int8"}
    with_wide("models", "verify", "wide-int8")


def test_nothing_is_written_but_the_pack(with_tiny: Command) -> None:
    """onnxruntime would keep a device id in ~/.cache, and the quantiser could leave files in /tmp."""
    temporary = with_tiny.home / "tmp"
    temporary.mkdir()
    before = contents(with_tiny.home)
    with_tiny("models", "quantize", "tiny", TMPDIR=str(temporary))
    new = contents(with_tiny.home).keys() - before.keys()
    assert {str(Path(name).parent) for name in new} == {"data/photond/models/tiny-int8"}
