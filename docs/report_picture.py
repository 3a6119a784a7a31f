"""Take the picture of a report for the README: `python -m docs.report_picture FOLDER`."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

from analysis import load
from analysis.report.page import render_page
from analysis.report.ranking import build_ranking

TARGET = Path(__file__).with_name("report.png")
CHROMIUM = "/usr/bin/chromium"
WIDTH, LAST_CHART = 1100, "path"
"""Pixels; the picture ends below this chart."""
COLOURS = 128
"""Enough for letters and lines, and a third of the bytes of a picture with all colours."""


def main(folders: Sequence[str]) -> int:
    """Write the picture; return the exit status."""
    frames = load(*folders)
    with TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(render_page(frames, build_ranking(frames)), encoding="utf-8")
        picture = take_picture(page.as_uri())
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE).save(TARGET, optimize=True)
    print(f"{TARGET}: {picture.width} x {picture.height}, {TARGET.stat().st_size} bytes")
    return 0


def take_picture(address: str) -> Image.Image:
    """Return the page from its top to the last chart that is wanted."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(address)
        for chart in page.locator(".chart").all():
            chart.scroll_into_view_if_needed()
            chart.locator(".main-svg").first.wait_for()
        page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        box = page.locator(f"#chart-{LAST_CHART}").bounding_box()
        assert box is not None, "a chart that has been drawn has a place"
        bottom = box["y"] + box["height"]
        image = page.screenshot(
            full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom}
        )
        browser.close()
    return Image.open(io.BytesIO(image)).convert("RGB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
