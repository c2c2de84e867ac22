"""`photond doctor --alignment`: figures for people, and a verdict for scripts."""

import re

import pytest

from tests import graphs
from tests.cli.test_examination import copy_of_mini
from tests.cli.test_setup import in_terminal
from tests.graphs import edit


def tables(output: str) -> dict[str, list[list[str]]]:
    """The rows of each table, by its first heading."""
    found = {}
    for table in output.strip("\n").split("\n\n"):
        heading, *rows = [line.split("\t") for line in table.splitlines()]
        assert all(len(row) == len(heading) for row in rows)
        found[heading[0]] = rows
    return found


def test_a_pipe_gets_every_figure_in_lines_with_tabs(photond) -> None:
    found = tables(photond("doctor", "--alignment").stdout)
    assert list(found) == [
        *("cosine", "logit", "confidence", "picture-picture", "text-text", "tower", "verdict")
    ]
    assert found["cosine"][0] == ["cat.jpg", "0.5011", "0.0491", "-0.0648"]
    assert found["confidence"][1][2] == "0.4264"
    assert found["text-text"][2][3] == "1.0000"
    assert found["tower"] == [
        [kind, "pooler_output", "1", "1", "none"] for kind in ("image", "text")
    ]
    assert {row[0] for row in found["verdict"]} == {"ok"}
    assert len(found["verdict"]) == 9


def test_a_program_gets_everything_as_one_document(photond) -> None:
    found = photond("doctor", "--alignment", "--json").json
    assert found["aligned"] is True
    assert found["pictures"] == ["cat.jpg", "coffee.jpg", "sunflowers.jpg"]
    assert found["own_texts"] == found["texts"] == ["a cat", "a cup of coffee", "sunflowers"]
    assert found["cosines"][0][0] == pytest.approx(0.50109, abs=1e-4)
    assert found["cosines"] == [
        pytest.approx(row, abs=1e-4) for row in found["reference"]["cosines"]
    ]
    assert found["logits"][0][0] == pytest.approx(7.6 * found["cosines"][0][0] - 4.85, abs=1e-4)
    assert found["padding"]["own_cosines_without"] == pytest.approx(
        found["padding"]["own_cosines"], abs=1e-4
    )
    assert found["towers"]["image"]["outputs"] == ["pooler_output"]
    assert found["combined"] is None


def test_a_terminal_gets_tables_with_headings(photond) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", in_terminal(photond, "doctor", "--alignment"))
    assert re.search(r"cosine +a cat +a cup of coffee +sunflowers", shown)
    assert re.search(r"coffee\.jpg +-0\.1168 +0\.5991 +0\.1508", shown)
    assert "\t" not in shown


def test_a_pack_that_is_not_aligned_is_shown_all_the_same(photond) -> None:
    edit(copy_of_mini(photond), ('resize = "squash"', 'resize = "crop"'))
    run = photond("doctor", "--alignment", "--pack", "broken", code=4)
    verdicts = {row[1]: row for row in tables(run.stdout)["verdict"]}
    assert verdicts["pack"][0] == verdicts["reference"][0] == "error"
    assert "is taken for" in verdicts["pictures"][2]
    found = photond("doctor", "--alignment", "--pack", "broken", "--json", code=4).json
    assert found["aligned"] is False
    assert found["pack"] == "broken"


def test_padding_with_the_wrong_token_shows_in_what_padding_does(photond) -> None:
    edit(
        copy_of_mini(photond),
        ('padding = "longest"', 'padding = "max_length"'),
        ("pad_id = 0", "pad_id = 1"),
    )
    found = photond("doctor", "--alignment", "--pack", "broken", "--json", code=4).json
    padding = {one["subject"]: one for one in found["judgements"]}["padding"]
    assert padding["verdict"] == "error"
    assert "agree only without it" in padding["detail"]
    assert found["padding"]["own_cosines_without"][0] > found["padding"]["own_cosines"][0] + 0.3


def test_the_users_own_pictures_are_held_against_their_names(photond, photos, sample) -> None:
    sample("cat", photos / "cat.jpg")
    sample("coffee", photos / "coffee_1.jpg")
    sample("drink", photos / "coffee_2.jpg")
    sample("mountain", photos / "mountain landscape" / "IMG_0001.jpg")
    found = photond("doctor", "--alignment", "--pictures", photos, "--json").json
    assert found["texts"] == ["cat", "coffee", "mountain landscape"]
    assert found["own_texts"] == ["cat", "coffee", "coffee", "mountain landscape"]
    assert len(found["cosines"]) == 4
    assert len(found["cosines"][0]) == 3
    (photos / "cat.jpg").rename(photos / "rocket.jpg")
    found = photond("doctor", "--alignment", "--pictures", photos, "--json", code=4).json
    assert found["aligned"] is False


def test_names_cannot_break_the_lines(photond, photos, sample) -> None:
    sample("cat", photos / "cat\t\n1.jpg")
    sample("coffee", photos / "coffee\x1b.jpg")
    shown = photond("doctor", "--alignment", "--pictures", photos).stdout
    assert tables(shown)["cosine"][0][0] == "cat\\t\\n1.jpg"
    assert "\x1b" not in shown


def test_scale_and_bias_are_derived_from_a_combined_model(photond, tmp_path) -> None:
    graphs.tiny_pack(photond.home / "data" / "photond" / "models" / "tiny")
    model = graphs.combined(tmp_path / "model.onnx")
    arguments = ["doctor", "--alignment", "--pack", "tiny", "--combined", model]
    found = photond(*arguments, "--json").json
    assert found["combined"]["scale"] == pytest.approx(117.3309, abs=0.01)
    assert found["combined"]["bias"] == pytest.approx(-12.9324, abs=0.01)
    assert found["combined"]["residual"] < 1e-3
    shown = tables(photond(*arguments).stdout)
    assert float(shown["combined"][0][1]) == pytest.approx(117.3309, abs=0.01)
    assert {row[1]: row[0] for row in shown["verdict"]}["scale and bias"] == "ok"
    graphs.combined(model, scale=100.0)
    run = photond(*arguments, code=4)
    assert {row[1]: row[0] for row in tables(run.stdout)["verdict"]}["scale and bias"] == "error"


def test_a_tower_of_one_length_has_no_texts_without_padding(photond) -> None:
    folder = photond.home / "data" / "photond" / "models" / "tiny"
    folder.mkdir(parents=True)
    graphs.text_tower(folder / "text.onnx", length=graphs.CONTEXT)
    graphs.tiny_pack(folder)
    found = photond("doctor", "--alignment", "--pack", "tiny", "--json").json
    assert found["padding"]["own_cosines_without"] is None
    assert found["towers"]["text"] == {
        "output": "vector",
        "outputs": ["last_hidden_state", "vector"],
        "least_norm": pytest.approx(found["towers"]["text"]["least_norm"]),
        "greatest_norm": pytest.approx(found["towers"]["text"]["greatest_norm"]),
        # Its mean over the tokens is what the tower itself makes of it.
        "first_output_is_same": True,
    }


@pytest.mark.parametrize("option", ["--pack", "--pictures", "--combined"])
def test_options_of_the_alignment_need_it(photond, option) -> None:
    assert "belong to --alignment" in photond("doctor", option, "mini", code=2).stderr


def test_what_is_not_there_is_said(photond, photos, tmp_path) -> None:
    assert (
        "2 are the least" in photond("doctor", "--alignment", "--pictures", photos, code=2).stderr
    )
    photond("doctor", "--alignment", "--pack", "none", code=4)
    run = photond("doctor", "--alignment", "--combined", tmp_path / "none.onnx", code=4)
    assert "cannot be loaded" in run.stderr
