"""A report in a real browser: three widths, light and dark, no request to anywhere, curves drawn, pictures moved.

Needs npm for a Chromium where none is installed.
"""

import io

import numpy as np
import pytest
from browser import Browser
from PIL import Image
from report_files import lines, write_run, written

pytestmark = pytest.mark.network

WIDTHS = {"wide": (1280, 900, False), "tablet": (820, 1100, False), "phone": (390, 844, True)}
# The share of a chart's canvas that isn't transparent, for each chart.
DRAWN = """[...document.querySelectorAll(".uplot canvas")].map((canvas) => {
  const levels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return levels.filter((level, index) => index % 4 === 3 && level).length / (levels.length / 4);
})"""


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The file of a report on one run of 5 sheets."""
    run = write_run(tmp_path_factory.mktemp("report") / "run", sheets=5, log=lines())
    written(run)
    return run / "report.html"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The file of a report on two runs."""
    root = tmp_path_factory.mktemp("compared")
    runs = [write_run(root / name, sheets=4, train={"lr": lr}) for name, lr in (("slow", 0.001), ("fast", 0.002))]
    written(*runs, out=root / "both.html")
    return root / "both.html"


def begin(browser, file, width="wide", dark=False) -> None:
    browser.viewport(*WIDTHS[width][:2], phone=WIDTHS[width][2], dark=dark)
    browser.open(file.as_uri())
    browser.until("typeof plots !== 'undefined' && plots.length && document.querySelector('.uplot canvas')")


def shot(browser, selector: str) -> np.ndarray:
    """What an element looks like, uint8 (H, W, 3)."""
    box = browser.run(
        f"(({{left, top, width, height}}) => [left + scrollX, top + scrollY, width, height])"
        f"(document.querySelector('{selector}').getBoundingClientRect())"
    )
    left, top, right, bottom = (round(v) for v in (box[0], box[1], box[0] + box[2], box[1] + box[3]))
    return np.asarray(Image.open(io.BytesIO(browser.screenshot())).convert("RGB"))[top:bottom, left:right]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_network_at_every_width_and_in_both_schemes(browser, report, width, dark):
    begin(browser, report, width, dark)
    assert browser.complaints() == []
    assert [a for a in browser.addresses() if not a.startswith((report.as_uri(), "data:", "blob:"))] == []
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"
    drawn = browser.run(DRAWN)
    assert len(drawn) == 5
    assert min(drawn) > 0.005, "there are curves and axes"
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == dark


def test_network_the_page_may_not_ask_anybody(browser, report):
    begin(browser, report)
    assert browser.run("fetch('https://example.org/').then(() => 'sent', () => 'refused')") == "refused"
    browser.run(
        "{ const made = document.createElement('script'); made.text = 'window.mine = 1'; document.body.append(made) }"
    )
    assert browser.run("typeof mine") == "undefined"


def test_network_the_slider_moves_the_pictures_and_keeps_the_inputs(browser, report):
    begin(browser, report)
    tile = ".example .tile:nth-child({})"
    browser.until("document.querySelector('#at').textContent === '40 images'")
    last, truth = shot(browser, tile.format(2)), shot(browser, tile.format(3))
    browser.run("$('slider').value = 0; $('slider').oninput()")
    assert browser.run("$('at').textContent") == "8 images"
    first = shot(browser, tile.format(2))
    assert np.abs(first.astype(int) - last).mean() > 20
    np.testing.assert_array_equal(shot(browser, tile.format(3)), truth)
    pressed = "new KeyboardEvent('keydown', {key: 'ArrowRight'})"
    assert browser.run(f"$('slider').focus(), document.activeElement.id, Boolean({pressed})")
    browser.call(
        "Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight", windowsVirtualKeyCode=39
    )
    browser.until("$('at').textContent === '16 images'")


def test_network_the_pictures_play_to_the_end(browser, report):
    begin(browser, report)
    browser.run("$('play').click()")
    assert browser.run("$('at').textContent") == "8 images"
    browser.until("$('at').textContent === '40 images' && $('play').textContent === 'Play'")


def test_network_a_click_on_a_curve_shows_the_pictures_of_that_moment(browser, report):
    begin(browser, report)
    browser.run("document.querySelectorAll('.u-over')[1].scrollIntoView({block: 'center', behavior: 'instant'})")
    left, top, width, height = browser.run(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.querySelectorAll('.u-over')[1].getBoundingClientRect())"
    )
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        browser.mouse(kind, left + 0.42 * width, top + height / 2)
    assert browser.run("$('at').textContent") == "16 images"  # 0.42 of 40 is nearest to the second of five


def test_network_the_legend_has_the_value_under_the_cursor(browser, report):
    begin(browser, report)
    browser.run("plots[1].setCursor({left: plots[1].valToPos(40, 'x'), top: 5})")
    assert "0.1" in browser.run("document.querySelectorAll('.u-legend')[1].textContent")


def test_network_runs_are_side_by_side(browser, compared):
    for width in WIDTHS:
        begin(browser, compared, width)
        heads = browser.run("[...document.querySelector('.heads').children].map((head) => head.textContent)")
        assert heads == ["input", "slow", "fast", "truth"]
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), width
        assert browser.complaints() == []
    labels = browser.run("[...document.querySelectorAll('.u-legend')].at(-1).textContent")
    assert "slow" in labels
    assert "fast" in labels


def test_network_without_sheets_and_without_a_log_the_rest_is_there(browser, tmp_path):
    run = write_run(tmp_path / "run", sheets=0)
    (run / "log.jsonl").unlink()
    written(run)
    browser.open((run / "report.html").as_uri())
    browser.until("document.querySelector('#missing')")
    assert browser.complaints() == []
    assert browser.run("document.querySelectorAll('.uplot').length") == 0
