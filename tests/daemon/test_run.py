"""`photond run`, with real files, the kernel's real events, and the real model."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.test_index import make_photos
from tests.cli.test_switching import other_pack
from tests.conftest import SAMPLES, Command
from tests.daemon.conftest import SETTLE_SECONDS
from tests.imaging.pictures import make_dng


def test_a_new_photo_is_found_within_seconds(daemon, photos, sample, photond) -> None:
    first = sample("coffee", photos / "a.jpg")
    running = daemon(photos)
    running.wait_for(first)
    second = sample("cat", photos / "b.jpg")
    running.wait_for(first, second)
    assert photond("query", "a cat", "--json").json[0]["path"] == str(second)


def test_a_photo_in_a_new_folder_of_a_new_folder_is_found(daemon, photos, sample) -> None:
    running = daemon(photos)
    running.wait_for_log("folder is watched")
    one = sample("cat", photos / "2024" / "05" / "a.jpg")
    running.wait_for(one)
    two = sample("coffee", photos / "2024" / "05" / "b.jpg")
    running.wait_for(one, two)


def test_a_photo_that_is_copied_slowly_is_read_once_and_whole(daemon, photos, sample) -> None:
    sample("coffee", photos / "other.jpg")
    running = daemon(photos)
    running.wait_for(photos / "other.jpg")
    data = (SAMPLES / "cat.jpg").read_bytes()
    step = len(data) // 10
    with (photos / "slow.jpg").open("wb", buffering=0) as file:
        for start in range(0, len(data), step):
            file.write(data[start : start + step])
            time.sleep(SETTLE_SECONDS * 0.6)
            assert not running.rows("select 1 from files where name = 'slow.jpg'")
    running.wait_for(photos / "other.jpg", photos / "slow.jpg")
    assert "photo failed" not in running.said


def test_temporary_names_are_never_read_and_the_rename_is_seen(daemon, photos, sample) -> None:
    sample("coffee", photos / "other.jpg")
    running = daemon(photos, PHOTOND_INDEX_HIDDEN="true")
    for name in (".a.jpg.Xy12Ab", "a.jpg.part", "a.jpg.crdownload", ".syncthing.a.jpg", "a.tmp"):
        sample("cat", photos / name)
    time.sleep(3 * SETTLE_SECONDS)
    running.wait_for(photos / "other.jpg")
    (photos / "a.jpg.part").rename(photos / "a.jpg")
    running.wait_for(photos / "other.jpg", photos / "a.jpg")


def test_a_photo_that_is_replaced_in_one_go_is_what_it_is_now(
    daemon, photos, sample, photond
) -> None:
    photo = sample("cat", photos / "a.jpg")
    running = daemon(photos)
    running.wait_for(photo)
    before = running.rows("select sha256 from photos")
    sample("rocket", photos / ".new").rename(photo)
    running.wait(lambda: running.rows("select sha256 from photos") != before, what="the new one")
    running.wait_for(photo)
    hits = photond("query", "a rocket on its launch pad", "--json").json
    assert [hit["path"] for hit in hits] == [str(photo)]
    assert hits[0]["score"] > 0.3


def test_renames_and_moves_of_trees_cost_no_embedding(daemon, tmp_path, sample) -> None:
    one, two, outside = tmp_path / "One", tmp_path / "Two", tmp_path / "outside"
    two.mkdir()
    outside.mkdir()
    sample("coffee", two / "stays.jpg")
    sample("cat", one / "a" / "b" / "cat.jpg")
    sample("rocket", one / "rocket.jpg")
    running = daemon(one, two)
    stays = two / "stays.jpg"
    running.wait_for(stays, one / "a" / "b" / "cat.jpg", one / "rocket.jpg")
    embedded = running.embedded

    (one / "rocket.jpg").rename(one / "renamed.jpg")
    running.wait_for(stays, one / "a" / "b" / "cat.jpg", one / "renamed.jpg")
    (one / "a").rename(one / "z")
    running.wait_for(stays, one / "z" / "b" / "cat.jpg", one / "renamed.jpg")
    (one / "z").rename(two / "from one")
    running.wait_for(stays, two / "from one" / "b" / "cat.jpg", one / "renamed.jpg")
    (two / "from one").rename(outside / "away")
    running.wait_for(stays, one / "renamed.jpg")
    # What happens out there is nobody's business, though the kernel goes on telling of it.
    sample("pagoda", outside / "away" / "b" / "new.jpg")
    (outside / "away" / "b" / "new.jpg").unlink()
    (outside / "away").rename(one / "back")
    running.wait_for(stays, one / "back" / "b" / "cat.jpg", one / "renamed.jpg")
    assert running.embedded == embedded
    # And the tree is watched under its new name.
    sample("cat", one / "back" / "b" / "copy.jpg")
    running.wait_for(
        stays, one / "back" / "b" / "cat.jpg", one / "back" / "b" / "copy.jpg", one / "renamed.jpg"
    )


def test_deleted_photos_and_folders_are_gone(daemon, photos, sample) -> None:
    keep = sample("coffee", photos / "keep.jpg")
    for number in range(3):
        sample("cat", photos / "deep" / f"{number}.jpg")
    running = daemon(photos)
    running.wait_for(keep, *(photos / "deep" / f"{number}.jpg" for number in range(3)))
    (photos / "deep" / "0.jpg").unlink()
    running.wait_for(keep, photos / "deep" / "1.jpg", photos / "deep" / "2.jpg")
    shutil.rmtree(photos / "deep")
    running.wait_for(keep)


def test_a_root_that_is_deleted_and_made_again_is_watched_again(daemon, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    running = daemon(photos)
    running.wait_for(photos / "a.jpg")
    shutil.rmtree(photos)
    running.wait_for()
    for name in ("b.jpg", "c.jpg"):
        sample("cat", photos / name)
        running.wait(lambda name=name: str(photos / name) in running.present(), what=name)


def test_a_folder_above_a_root_may_be_moved_away_and_back(daemon, tmp_path, sample) -> None:
    root = tmp_path / "disk" / "Photos"
    photo = sample("cat", root / "a.jpg")
    running = daemon(root)
    running.wait_for(photo)
    (tmp_path / "disk").rename(tmp_path / "other")
    running.wait_for()
    assert running.rows("select state from files") == [("offline",)]
    (tmp_path / "other").rename(tmp_path / "disk")
    running.wait_for(photo)
    assert running.embedded == 1


def test_a_root_that_is_not_there_at_the_start_is_waited_for(daemon, tmp_path, sample) -> None:
    root = tmp_path / "not" / "yet" / "Photos"
    running = daemon(root)
    running.wait_for_log("is offline")
    photo = sample("cat", root / "deep" / "a.jpg")
    running.wait_for(photo)


def test_a_burst_of_files_and_folders_is_indexed_completely(daemon, photos, tmp_path) -> None:
    source = tmp_path / "card"
    source.mkdir()
    make_photos(source, 60, side=64)
    running = daemon(photos)
    running.wait_for_log("folder is watched")
    expected = []
    for number in range(8):
        shutil.copytree(source, photos / str(number))
        expected += [photos / str(number) / path.name for path in source.iterdir()]
    running.wait_for(*expected)
    assert running.embedded == 60


def test_what_happens_between_a_kill_and_the_next_start_is_found(daemon, photos, sample) -> None:
    sample("cat", photos / "moves.jpg")
    sample("coffee", photos / "goes.jpg")
    running = daemon(photos)
    running.wait_for(photos / "moves.jpg", photos / "goes.jpg")
    make_photos(photos, 30, side=800)
    running.wait(lambda: running.embedded > 2, what="some of them")
    running.stop(signal.SIGKILL)
    (photos / "goes.jpg").unlink()
    (photos / "moves.jpg").rename(photos / "moved.jpg")
    sample("rocket", photos / "new.jpg")
    running.start()
    numbered = [photos / f"{number:04}.jpg" for number in range(30)]
    running.wait_for(photos / "moved.jpg", photos / "new.jpg", *numbered)
    assert "is whole" in running.photond("doctor", code=None).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_soon_when_told_to_and_loses_nothing(daemon, photos, number) -> None:
    make_photos(photos, 60, side=1200)
    running = daemon(photos)
    running.wait(lambda: running.rows("select 1 from contents limit 1") != [], what="the first")
    asked = time.monotonic()
    assert running.stop(number) == 0
    assert time.monotonic() - asked < 5
    assert running.rows("select count(*) from jobs where state = 'running'") == [(0,)]


def configure(photond: Command, *folders: Path) -> None:
    """Have the configuration name folders."""
    photond.config_file.parent.mkdir(parents=True, exist_ok=True)
    photond.config_file.write_text(f"folders = {[str(folder) for folder in folders]}\n")


def found(photond, text: str) -> list[str]:
    return photond("query", text, "--paths").stdout.splitlines()


def test_folders_are_added_and_removed_when_the_configuration_is_read_again(
    daemon, tmp_path, sample, photond
) -> None:
    one = sample("cat", tmp_path / "One" / "a.jpg")
    two = sample("coffee", tmp_path / "Two" / "b.jpg")
    configure(photond, one.parent)
    running = daemon()
    running.wait_for(one)
    configure(photond, two.parent)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(two)
    sample("rocket", tmp_path / "One" / "unseen.jpg")
    three = sample("rocket", tmp_path / "Two" / "c.jpg")
    running.wait_for(two, three)
    for wrong in ("folders = 1\n", "folders = []\n"):
        photond.config_file.write_text(wrong)
        before = running.said.count("the configuration stays as it was")
        running.process.send_signal(signal.SIGHUP)
        running.wait(
            lambda before=before: running.said.count("stays as it was") > before, what="refused"
        )
    four = sample("pagoda", tmp_path / "Two" / "d.jpg")
    running.wait_for(two, three, four)


def test_a_folder_that_is_taken_out_is_not_found_and_costs_nothing_when_it_is_back(
    daemon, tmp_path, sample, photond
) -> None:
    one = sample("cat", tmp_path / "One" / "deep" / "a.jpg")
    bad = tmp_path / "One" / "bad.jpg"
    bad.write_bytes(b"no photo")
    inner = sample("sunflowers", tmp_path / "One" / "inner" / "c.jpg")
    two = sample("coffee", tmp_path / "Two" / "b.jpg")
    by_hand = sample("rocket", tmp_path / "By hand" / "d.jpg")
    photond("index", by_hand.parent)
    configure(photond, tmp_path / "One", two.parent)
    running = daemon()
    running.wait_for(one, inner, two, by_hand)
    photond("tag", one, "--add", "mine")
    embedded = running.embedded

    configure(photond, inner.parent, two.parent)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(inner, two, by_hand)
    assert str(one) not in found(photond, "a cat")
    assert found(photond, "a rocket on its launch pad")[0] == str(by_hand)
    status = photond("status", "--json").json
    assert (status["photos"], status["missing"]) == (3, 1)
    assert not status["failed"]
    assert str(tmp_path / "One") not in [folder["path"] for folder in status["folders"]]

    configure(photond, tmp_path / "One", two.parent)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(one, inner, two, by_hand)
    assert found(photond, "a cat")[0] == str(one)
    assert "mine" in photond("tags", one).stdout
    assert running.embedded == embedded


def test_a_folder_that_was_taken_out_while_the_daemon_did_not_run_is_let_go_as_well(
    daemon, tmp_path, sample, photond
) -> None:
    one = sample("cat", tmp_path / "One" / "a.jpg")
    single = sample("rocket", tmp_path / "Single" / "r.jpg")
    beside = sample("sunflowers", tmp_path / "Single" / "beside.jpg")
    two = sample("coffee", tmp_path / "Two" / "b.jpg")
    photond("index", beside)
    configure(photond, one.parent, single, two.parent)
    running = daemon()
    running.wait_for(one, single, beside, two)
    running.stop()
    configure(photond, two.parent)
    running.start()
    running.wait_for(beside, two)
    # What is indexed by hand after that stays, whatever the daemon once kept.
    running.stop()
    photond("index", one.parent)
    running.start()
    running.wait_for(one, beside, two)
    running.wait_for_log("folder is watched")
    assert running.present() == {str(one), str(beside), str(two)}


def test_a_camera_import_of_pairs_reads_the_jpegs_alone(daemon, photos, sample) -> None:
    other = sample("coffee", photos / "other.jpg")
    running = daemon(photos)
    running.wait_for(other)
    jpegs = []
    for number, name in enumerate(("cat", "rocket")):
        preview = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
        (photos / f"DSC{number}.DNG").write_bytes(make_dng(preview))
        time.sleep(SETTLE_SECONDS / 2)
        jpegs.append(sample(name, photos / f"DSC{number}.JPG"))
        (photos / f"DSC{number}.MOV").write_bytes(b"the movie of a live photo")
    running.wait_for(other, *jpegs)
    # The JPEG goes, and the RAW is all there is.
    jpegs[0].unlink()
    running.wait_for(other, photos / "DSC0.DNG", jpegs[1])
    assert running.embedded == 4


def test_pairing_is_switched_when_the_configuration_is_read_again(
    daemon, photos, sample, photond
) -> None:
    jpeg = sample("cat", photos / "DSC1.JPG")
    raw = photos / "DSC1.DNG"
    raw.write_bytes(make_dng(Image.open(jpeg).convert("RGB")))
    config = photond.config_file
    config.parent.mkdir(parents=True)
    config.write_text(f'folders = ["{photos}"]\n')
    running = daemon()
    running.wait_for(jpeg)
    config.write_text(f'folders = ["{photos}"]\nindex.pair_raw = false\n')
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(jpeg, raw)
    config.write_text(f'folders = ["{photos}"]\n')
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(jpeg)


def test_patterns_in_a_folder_hold_below_it_and_can_change(daemon, photos, sample) -> None:
    keep = sample("cat", photos / "keep.jpg")
    sample("coffee", photos / "a" / "draft_1.jpg")
    out = sample("rocket", photos / "draft_2.jpg")
    running = daemon(photos)
    running.wait_for(keep, out, photos / "a" / "draft_1.jpg")
    (photos / "a" / ".photondignore").write_text("draft_*\n")
    running.wait_for(keep, out)
    (photos / "a" / ".photondignore").unlink()
    running.wait_for(keep, out, photos / "a" / "draft_1.jpg")


def test_new_words_are_tagged_with_though_no_photo_is_new(daemon, photos, sample, photond) -> None:
    photo = sample("cat", photos / "a.jpg")
    photond("index", photos)
    photond("vocabulary", "add", "tabby cat on a sofa")
    running = daemon(photos)
    running.wait_for_log("all photos are tagged anew")
    untagged = "select count(*) from packs where tagging_fingerprint is null"
    running.wait(lambda: running.rows(untagged) == [(0,)], what="tagged")
    running.wait_for(photo)
    assert running.rows("select count(*) from label_embeddings") == [(1,)]


def test_tagging_anew_and_another_pack_are_the_daemons_to_do(
    daemon, photos, sample, photond
) -> None:
    photo = sample("sunflowers", photos / "a.jpg")
    running = daemon(photos)
    running.wait_for(photo)
    photond("vocabulary", "add", "garden bloom", "--prompt", "a photo of a daisy")
    photond("vocabulary", "remove", "daisy")
    assert photond("retag", "--json").json == {"daemon": True}
    running.wait(lambda: "garden bloom" in photond("tags", photo).stdout)

    run = photond("models", "use", other_pack(photond))
    assert "the daemon embeds the photos with it" in run.stdout
    running.wait_for_log("another pack answers from now on")
    assert running.rows("select name, state from packs") == [("other", "serving")]
    assert photond("query", "flowers", "--paths").stdout == f"{photo}\n"


def test_a_photo_that_may_be_read_at_last_is_read(daemon, photos, sample) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    photo = sample("cat", photos / "a.jpg")
    photo.chmod(0)
    running = daemon(photos)
    running.wait(lambda: "photo failed" in running.said, what="failed")
    photo.chmod(0o600)
    running.wait_for(photo)


def test_times_from_the_future_and_from_1970_do_not_matter(daemon, photos, sample) -> None:
    running = daemon(photos)
    future, past = sample("cat", photos / "future.jpg"), sample("coffee", photos / "past.jpg")
    os.utime(future, (4e9, 4e9))
    os.utime(past, (0, 0))
    running.wait_for(future, past)


def test_only_one_daemon_keeps_an_index(daemon, photos) -> None:
    running = daemon(photos)
    run = running.photond("run", code=5, PHOTOND_FOLDERS=str(photos))
    assert f"`photond run` (process {running.process.pid}) keeps" in run.stderr


def test_a_pass_is_made_by_the_daemon_and_ends_with_the_same_summary(
    daemon, photos, sample, photond
) -> None:
    moves, changes = sample("rocket", photos / "moves.jpg"), sample("moon", photos / "changes.jpg")
    goes, stays = sample("pagoda", photos / "goes.jpg"), sample("sunflowers", photos / "stays.jpg")
    running = daemon(photos, PHOTOND_WATCH_SETTLE_SECONDS="5")
    running.wait_for(moves, changes, goes, stays)
    # So that the pass is asked for before the daemon has read anything of what is new.
    running.process.send_signal(signal.SIGSTOP)
    one, two = sample("cat", photos / "a.jpg"), sample("coffee", photos / "new" / "b.jpg")
    moves.rename(photos / "moved.jpg")
    sample("drink", changes)
    goes.unlink()
    (photos / "bad.jpg").write_bytes(b"no photo")
    index = subprocess.Popen(
        photond.argv("index", photos), env=photond.environ, stdout=subprocess.PIPE, text=True
    )
    time.sleep(2)
    running.process.send_signal(signal.SIGCONT)
    said, _ = index.communicate(timeout=60)
    assert index.returncode == 1
    counts = "2 new, 1 changed, 1 moved, 1 unchanged, 1 missing, 1 failed"
    assert re.search(rf"^{counts} \(.*, by the daemon\)$", said, re.MULTILINE)
    assert re.search(r"^  1 failed: \S", said, re.MULTILINE)
    assert running.present() == {
        *(str(path) for path in (one, two, changes, stays, photos / "moved.jpg"))
    }


def test_a_pass_that_the_daemon_does_not_make_to_its_end_says_so(
    daemon, photos, sample, photond
) -> None:
    running = daemon(photos)
    running.wait_for_log("folder is watched")
    photond("pause")
    sample("cat", photos / "a.jpg")
    run = photond("index", photos, code=1)
    assert "the daemon does not go on: paused by user" in run.stderr
    assert "0 new, 0 changed, 0 unchanged, 0 failed, 1 waiting" in run.stdout


def test_a_pass_by_the_daemon_is_told_to_programs_as_any_other(
    daemon, photos, sample, photond, tmp_path
) -> None:
    sample("cat", photos / "deep" / "a.jpg")
    alone = photond("index", photos, "--json").json
    running = daemon(photos)
    result = photond("index", photos, "--json").json
    assert result.pop("daemon") == running.process.pid
    assert result.keys() == alone.keys()
    assert (result["new"], result["unchanged"], result["waiting"]) == (0, 1, 0)
    below = photond("index", photos / "deep", photos / "deep", "--json").json
    assert below["unchanged"] == 1
    running.process.send_signal(signal.SIGHUP)
    assert photond("index", photos, "--json").json["unchanged"] == 1
    run = photond("index", tmp_path, code=2)
    assert f"{tmp_path} is in none of its folders" in run.stderr


def test_without_folders_it_says_what_to_set(photond) -> None:
    assert "Set `folders`" in photond("run", code=2).stderr


def test_an_idle_daemon_does_not_wake_up(daemon, photos, sample) -> None:
    running = daemon(photos, PHOTOND_MODEL_IDLE_UNLOAD_SECONDS="1")
    photo = sample("cat", photos / "a.jpg")
    running.wait_for(photo)
    time.sleep(3)

    def switches() -> int:
        return sum(
            int(line.split()[1])
            for path in Path(f"/proc/{running.process.pid}/task").glob("*/status")
            for line in path.read_text().splitlines()
            if line.startswith("voluntary_ctxt_switches")
        )

    before = switches()
    time.sleep(5)
    assert switches() - before <= 1


def test_an_idle_daemon_has_let_go_of_its_models_and_has_less_than_80_mb(
    daemon, photos, sample, photond
) -> None:
    running = daemon(photos, PHOTOND_MODEL_IDLE_UNLOAD_SECONDS="1")
    photo = sample("cat", photos / "a.jpg")
    running.wait_for(photo)
    assert photond("query", "a cat", "--paths").stdout == f"{photo}\n"

    def resident() -> float:
        text = Path(f"/proc/{running.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6

    running.wait(lambda: resident() < 80, what="less than 80 MB")
    mapped = Path(f"/proc/{running.process.pid}/maps").read_text()
    # What the command line alone needs is not there.
    assert "onnxruntime" in mapped
    assert "pydantic" not in mapped


def test_the_daemon_is_started_with_the_configuration_and_the_log_level_that_were_named(
    daemon, photond, photos, sample
) -> None:
    photo = sample("cat", photos / "a.jpg")
    config = photond.home / "other config.toml"
    config.write_text(f'folders = ["{photos}"]\n[model]\nidle_unload_seconds = 1\n')
    running = daemon(arguments=("-v", "run", "--config", config))
    running.wait_for(photo)
    running.wait_for_log("the model is unloaded")
