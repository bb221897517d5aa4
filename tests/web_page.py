"""What the tests of the page do in the browser: begin, give files, take results; and the basics of every page."""

import io
from pathlib import Path

import numpy as np
from browser import Browser
from PIL import Image

LEVELS, SHARE = 1, 0.03  # the page's pixels differ by at most this, in at most this share of the values

# [text, contrast] of visible text that is read against the first opaque background behind it; 4.5 is WCAG 2.2's AA.
CONTRASTS = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const levels = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => levels(colour).slice(0, 3).map((level) => level / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (levels(colour)[3] === 255) return colour;
    }
    return "white";
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((e) => !e.matches(":disabled, option, script, .unseen"))
    .filter((e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || e.matches("select"))
    .map((e) => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
      return [e.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
})()"""
USED = {"button", "checkbox", "ColorWell", "combobox", "link", "slider", "spinbutton", "textbox"}
REACHED = """[...document.querySelectorAll("a, button, input, select, summary, textarea, [tabindex]")]
  .filter((e) => e.checkVisibility() && !e.disabled)"""


def basics(browser: Browser, width: int) -> None:
    """Nothing is wider than the screen; text is readable in light and dark; all has a name and is reached by Tab."""
    for dark in (False, True):
        browser.viewport(width, 800, phone=width < 640, dark=dark)
        assert browser.run("document.documentElement.scrollWidth") <= width
        contrasts = browser.run(CONTRASTS)
        assert len(contrasts) >= 5
        assert [f"{text}: {ratio:.2f}" for text, ratio in contrasts if ratio < 4.5] == []
    browser.call("Accessibility.enable")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    used = [node for node in nodes if node.get("role", {}).get("value") in USED and not node["ignored"]]
    assert used
    assert [node for node in used if not node.get("name", {}).get("value")] == []
    browser.call("Accessibility.disable")
    count = browser.run(f"window.wanted = {REACHED}, wanted.length")
    browser.run("document.activeElement.blur(); window.reached = new Set()")
    for _ in range(count + 1):
        for kind in ("rawKeyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        browser.run("reached.add(document.activeElement), null")
    assert browser.run("wanted.filter((e) => !reached.has(e)).map((e) => e.outerHTML)") == []


def begin(browser: Browser, address: str, size: str = "picture") -> None:
    browser.open(address)
    browser.until("typeof ready !== 'undefined' && ready && !busy")
    browser.run(f"$('size').value = '{size}'; $('alpha').checked = true; result = null")


def save(browser: Browser) -> Image.Image:
    """The file that the Save button gives."""
    browser.run("$('save').click()")
    return Image.open(io.BytesIO(browser.downloaded()))


def put(browser: Browser, path: Path) -> Image.Image:
    """The page's translation of a file."""
    browser.run("result = null")
    browser.give("#file", path)
    browser.until("result && !busy")
    return save(browser)


def same(got: Image.Image, wanted: Image.Image) -> None:
    assert (got.size, got.mode) == (wanted.size, wanted.mode)
    difference = np.abs(np.asarray(got).astype(int) - np.asarray(wanted))
    assert difference.max() <= LEVELS
    assert (difference > 0).mean() <= SHARE
