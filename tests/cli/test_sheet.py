"""Contact sheets, as a browser shows them and as files."""

import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from photond.cli.answer import Output
from photond.cli.file_uri import file_uri
from photond.errors import ExitCode, PhotondError, UsageError
from tests.cli.answers import item, names_in, photo, session
from tests.imaging.pictures import make_dng

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]


def write(folder: Path, items: list[dict[str, object]], title: str = "beach") -> Path:
    """A sheet with some photos."""
    file = folder / "sheet.html"
    assert Output(sheet=file).show(session(folder), items, title) is ExitCode.DONE
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",  # as root, the tester may have none
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-quic",
                "--no-first-run",
            ],
        )
        yield running
        running.close()


class Watched:
    """A page, and what it did that it should not do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda one: self.requests.append(one.url))
        page.on("console", lambda one: self.complaints.append(one.text))
        page.on("pageerror", lambda one: self.complaints.append(str(one)))
        page.on("dialog", lambda one: (self.complaints.append(one.message), one.dismiss()))

    def open(self, file: Path) -> Page:
        self.page.goto(file.as_uri())
        return self.page

    @property
    def network(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(("file:///", "data:"))]


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    watched = Watched(context.new_page())
    yield watched
    assert watched.complaints == []
    assert watched.network == []
    context.close()


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """Seven photos, the last of which is broken."""
    days = ["2021-05-01", None, "2024-02-29", "2019-12-31", "2024-03-01", None, "2020-01-01"]
    names = ["b10.jpg", "b9.jpg", "a.jpg", "Z.jpg", "ä.jpg", "c.jpg", "broken.jpg"]
    colours = ["red", "green", "blue", "gold", "teal", "pink", "black"]
    items = []
    for place, (name, day, colour) in enumerate(zip(names, days, colours, strict=True)):
        items.append(
            item(
                photo(tmp_path / name, colour, (80, 60)),
                score=0.5 - place / 10,
                taken_at=day and f"{day}T12:00:00",
                tags=[{"tag": colour, "confidence": 0.9}],
            )
        )
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    return write(tmp_path, items, "red or blue")


def names(page: Page) -> list[str]:
    return page.locator("li:visible .name").all_text_contents()


def focused(page: Page) -> str:
    return page.evaluate("document.activeElement.querySelector('.name')?.textContent")


def colour_of(image: Locator) -> list[int]:
    """The colour in the middle of a picture, as it is on the screen."""
    with Image.open(io.BytesIO(image.screenshot())) as shown:
        return list(shown.convert("RGB").getpixel((shown.width // 2, shown.height // 2)))


def near(colour: list[int], other: tuple[int, int, int]) -> bool:
    return all(abs(one - two) < 30 for one, two in zip(colour, other, strict=True))


class TestInBrowser:
    pytestmark = in_browser

    def test_the_best_photo_is_first_and_is_seen(self, watched: Watched, sheet: Path) -> None:
        page = watched.open(sheet)
        assert page.title() == "red or blue"
        assert names(page)[0] == "b10.jpg"
        assert near(colour_of(page.locator("li img").first), (255, 0, 0))
        expect(page.locator("#count")).to_have_text("7 photos")
        assert page.locator("li .missing").all_text_contents() == ["cannot be read"]
        assert "b10.jpg" in (page.locator("li img").first.get_attribute("alt") or "")

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ("number", ["b10.jpg", "b9.jpg", "a.jpg", "Z.jpg", "ä.jpg", "c.jpg", "broken.jpg"]),
            ("newest", ["ä.jpg", "a.jpg", "b10.jpg", "broken.jpg", "Z.jpg", "b9.jpg", "c.jpg"]),
            ("oldest", ["Z.jpg", "broken.jpg", "b10.jpg", "a.jpg", "ä.jpg", "b9.jpg", "c.jpg"]),
            ("name", ["a.jpg", "ä.jpg", "b9.jpg", "b10.jpg", "broken.jpg", "c.jpg", "Z.jpg"]),
        ],
    )
    def test_photos_are_sorted(self, watched: Watched, sheet: Path, order, expected) -> None:
        page = watched.open(sheet)
        page.get_by_label("Sort by").select_option("name")
        page.get_by_label("Sort by").select_option(order)
        assert names(page) == expected

    def test_the_keys_move_view_open_and_go_back(self, watched: Watched, sheet: Path) -> None:
        page = watched.open(sheet)
        across = page.evaluate(
            "[...document.querySelectorAll('li')].filter((one, _, all) =>"
            " one.offsetTop === all[0].offsetTop).length"
        )
        assert 1 < across < 7
        page.keyboard.press("ArrowDown")
        assert focused(page) == "b10.jpg"
        page.keyboard.press("ArrowRight")
        assert focused(page) == "b9.jpg"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert focused(page) == "b10.jpg"
        page.keyboard.press("ArrowDown")
        assert focused(page) == names(page)[across]
        page.keyboard.press("ArrowUp")
        page.keyboard.press("End")
        assert focused(page) == "broken.jpg"
        page.keyboard.press("Home")

        page.keyboard.press("Enter")
        expect(page.locator("#viewer")).to_be_visible()
        expect(page.locator("#large-name")).to_have_text("b10.jpg")
        # The file itself, which was at hand.
        expect(page.locator("#large")).to_have_attribute("src", file_uri(f"{sheet.parent}/b10.jpg"))
        assert near(colour_of(page.locator("#large")), (255, 0, 0))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#large-name")).to_have_text("a.jpg")
        assert page.locator("#open").get_attribute("href") == file_uri(f"{sheet.parent}/a.jpg")
        assert page.evaluate("document.activeElement.id") == "open"
        page.keyboard.press("Escape")
        expect(page.locator("#viewer")).to_be_hidden()
        # A browser tells the page that a dialog was closed a moment after it is hidden.
        expect(page.locator("li a:focus .name")).to_have_text("a.jpg")

    def test_a_photo_that_is_gone_is_viewed_by_its_thumbnail(
        self, watched: Watched, sheet: Path
    ) -> None:
        (sheet.parent / "b10.jpg").unlink()
        page = watched.open(sheet)
        with page.expect_event("requestfailed"):
            page.locator("li a").first.click()
        assert near(colour_of(page.locator("#large")), (255, 0, 0))
        assert (page.locator("#large").get_attribute("src") or "").startswith("data:image/webp")
        # That the file is not there is said on the console, and nowhere else.
        assert all("ERR_FILE_NOT_FOUND" in said for said in watched.complaints)
        watched.complaints.clear()

    def test_the_filter_takes_words_and_lets_go(self, watched: Watched, sheet: Path) -> None:
        page = watched.open(sheet)
        page.keyboard.press("/")
        page.keyboard.type("b BLACK")
        assert names(page) == ["broken.jpg"]
        expect(page.locator("#count")).to_have_text("1 of 7 photos")
        page.keyboard.press("Enter")
        assert focused(page) == "broken.jpg"
        page.keyboard.press("/")
        page.keyboard.type(" nothing")
        expect(page.locator("#nothing")).to_be_visible()
        page.keyboard.press("Escape")
        assert len(names(page)) == 7

    def test_tab_comes_to_the_photos_once(self, watched: Watched, sheet: Path) -> None:
        page = watched.open(sheet)
        assert page.locator("li a[tabindex='0']").count() == 1
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert focused(page) == "b10.jpg"

    def test_it_is_light_or_dark_as_the_desktop_is(self, watched: Watched, sheet: Path) -> None:
        page = watched.open(sheet)
        shades = {}
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for what in ("backgroundColor", "color"):
                rgb = page.evaluate(f"getComputedStyle(document.body).{what}")
                shades[scheme, what] = sum(map(int, re.findall(r"\d+", rgb)[:3])) / 3
        assert shades["light", "backgroundColor"] - shades["light", "color"] > 150
        assert shades["dark", "color"] - shades["dark", "backgroundColor"] > 150

    @pytest.mark.parametrize("width", [320, 390, 768, 1920])
    def test_nothing_sticks_out_on_any_screen(self, watched: Watched, sheet: Path, width) -> None:
        watched.page.set_viewport_size({"width": width, "height": 700})
        page = watched.open(sheet)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("li a").first.click()
        assert page.evaluate("document.querySelector('dialog').scrollWidth") <= width

    def test_without_scripts_each_photo_is_a_link_to_its_file(
        self, browser: Browser, sheet: Path
    ) -> None:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(sheet.as_uri())
        assert page.locator(".tools").is_hidden()
        page.locator("li a").nth(1).click()
        page.wait_for_url(file_uri(f"{sheet.parent}/b9.jpg"))
        context.close()

    def test_names_tags_and_the_question_are_text_and_nothing_else(
        self, watched: Watched, tmp_path: Path
    ) -> None:
        attack = "window.hacked = 1; alert(1)"
        hostile = [
            f"<img src=x onerror='{attack}'>.jpg",
            f'" onmouseover="{attack}" autofocus onfocus="{attack}.jpg',
            f"javascript:{attack}.jpg",
            f"--><script>{attack}<",
            "$style ${script} {{7*7}} &lt;b&gt; 100% #?.jpg",
            "\u202egpj.exe\n\x1b[31m.jpg",
        ]
        (tmp_path / hostile[3]).mkdir()
        hostile[3] += f"/script><svg onload={attack}>.jpg"
        tag = f"</span><script>{attack}</script>"
        items = [
            item(photo(tmp_path / name), tags=[{"tag": tag, "confidence": 1}]) for name in hostile
        ]
        page = watched.open(write(tmp_path, items, f"</title><script>{attack}</script>"))
        assert page.evaluate("window.hacked") is None
        assert page.locator("script").count() == 1
        assert page.locator("li img").count() == len(hostile)
        assert page.locator("li *").evaluate_all(
            "(all) => all.every((one) => !['SCRIPT', 'SVG', 'B'].includes(one.tagName)"
            " && ![...one.attributes].some((a) => a.name.startsWith('on')))"
        )
        assert names(page)[0] == hostile[0]
        assert names(page)[5] == "\\u202egpj.exe\\n\\x1b[31m.jpg"
        hrefs = page.locator("li a").evaluate_all("(all) => all.map((one) => one.href)")
        assert [unquote_to_bytes(href.removeprefix("file://")) for href in hrefs] == [
            os.fsencode(tmp_path / name) for name in hostile
        ]
        # And so they stay where the script writes them.
        for card in range(len(hostile)):
            page.locator("li a").nth(card).hover()
            page.locator("li a").nth(card).click()
            expect(page.locator("#large")).to_have_attribute("src", hrefs[card])
            page.keyboard.press("Escape")
        assert page.evaluate("window.hacked") is None

    def test_no_script_but_its_own_would_run_and_nothing_is_fetched(
        self, browser: Browser, sheet: Path
    ) -> None:
        evil = '<script>window.hacked = 1</script><img src="http://127.0.0.1:9/a.png"></body>'
        sheet.write_text(sheet.read_text().replace("</body>", evil))
        context = browser.new_context()
        watched = Watched(context.new_page())
        page = watched.open(sheet)
        assert page.evaluate("window.hacked") is None
        assert sum("Content Security Policy" in said for said in watched.complaints) == 2
        context.close()


def test_the_mark_of_a_sheet_lets_it_be_replaced_and_nothing_else(tmp_path: Path) -> None:
    items = [item(photo(tmp_path / "a.jpg"))]
    file = write(tmp_path, items, "first")
    assert file.stat().st_mode & 0o077 == 0
    write(tmp_path, items, "second")
    assert "<title>second</title>" in file.read_text()
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>mine</title>")
    with pytest.raises(UsageError, match="no contact sheet"):
        Output(sheet=page).show(session(tmp_path), items, "")
    assert page.read_text() == "<!doctype html><title>mine</title>"
    with pytest.raises(PhotondError, match="cannot be written"):
        Output(sheet=tmp_path / "no" / "sheet.html").show(session(tmp_path), items, "")


def test_a_sheet_that_is_not_finished_leaves_the_old_one(tmp_path: Path) -> None:
    one = item(photo(tmp_path / "a.jpg"))
    file = write(tmp_path, [one], "first")

    def broken() -> Iterator[dict[str, object]]:
        for _ in range(20):
            yield one
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Output(sheet=file).show(session(tmp_path), broken(), "second")
    assert "<title>first</title>" in file.read_text()
    assert names_in(tmp_path) == ["a.jpg", "config.toml", "sheet.html"]


def test_where_nothing_was_found_no_sheet_is_written(tmp_path: Path) -> None:
    file = tmp_path / "sheet.html"
    assert Output(sheet=file).show(session(tmp_path), [], "x") is ExitCode.INCOMPLETE
    assert not file.exists()


def test_turned_photos_heic_and_raw_are_on_it_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (80, 40), "blue")
    picture.paste("red", (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    picture.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    pillow_heif.from_pillow(picture).save(tmp_path / "a.heic", quality=90)
    (tmp_path / "a.dng").write_bytes(make_dng(picture.resize((800, 400)), orientation=6))
    names = ("turned.jpg", "a.heic", "a.dng")
    file = write(tmp_path, [item(tmp_path / name) for name in names])
    shown = re.findall(
        r'src="(data:image/webp[^"]+)" width="(\d+)" height="(\d+)"', file.read_text()
    )
    assert [(int(width), int(height)) for _, width, height in shown] == [
        (40, 80),
        (80, 40),
        (200, 400),
    ]


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_the_address_of_a_file_holds_every_byte_of_its_path(raw: bytes) -> None:
    uri = file_uri(os.fsdecode(b"/" + raw))
    assert re.fullmatch(r"file:///[A-Za-z0-9._~/%-]*", uri)
    assert unquote_to_bytes(uri.removeprefix("file://")) == b"/" + raw
