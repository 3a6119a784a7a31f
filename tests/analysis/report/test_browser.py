"""The page as a person meets it, in headless Chromium."""

import re
import threading

import pandas as pd
import pytest

import analysis
from analysis.report.__main__ import main
from analysis.report.live_updates import LiveReport
from analysis.report.page import render_page as page_of
from analysis.report.server import HOST, ReportHandler, ReportServer
from tests.analysis.report.studies import (
    began_line,
    ended_line,
    hold_event_log,
    reported_line,
    write_small_study_folder,
    write_two_run_study,
)
from tests.analysis.report.test_page import HOSTILE, NONE, hostile
from tuner.layout import EVENT_LOG_FILE

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.slow


@pytest.fixture
def page(tmp_path, opened):
    folder = write_small_study_folder(tmp_path / "s")
    assert main([str(folder)]) == 0
    return opened((folder / "report.html").as_uri())


def names(page):
    return page.locator("#table tbody th button").all_inner_texts()


def draw(page, chart):
    page.locator(f"#{chart}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{chart}[data-ready]")


CHARTS = ("curves", "path", "tradeoff", "knob", "correlation", "parallel")


def test_the_page_sends_no_request_and_logs_no_error(page, opened):
    for chart in CHARTS:
        draw(page, f"chart-{chart}")
    assert opened.asked == [page.url]


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_saved_as_svg_and_png_and_never_uploaded(page, chart):
    page.locator("#theme").click()  # dark: what is saved is light all the same
    draw(page, f"chart-{chart}")
    box = page.locator("figure").filter(has=page.locator(f"#chart-{chart}"))
    buttons = box.locator(".modebar-btn").all()
    titles = [button.get_attribute("data-title").lower() for button in buttons]
    assert not [title for title in titles if "share" in title or "cloud" in title]
    for format in ("svg", "png"):
        with page.expect_download() as download:
            box.get_by_role("button", name=format.upper(), exact=True).click()
        assert download.value.suggested_filename == f"chart-{chart}.{format}"
        data = download.value.path().read_bytes()
        if format == "svg":
            assert b"rgb(255, 255, 255)" in data.split(b"<g")[0]  # the paper
        else:
            assert data.startswith(b"\x89PNG")
            assert int.from_bytes(data[16:20], "big") == 3 * 900  # its width: for print
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_table_is_saved_as_it_stands(page):
    page.get_by_label("Filter").fill("robust>45 completed")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    frame = pd.read_csv(download.value.path(), dtype={"trial_id": str})
    assert frame["trial_id"].tolist() == ["0003", "0002"]
    assert frame["val_robust_accuracy"].tolist() == [0.6, 0.5]


def test_trials_are_compared_at_the_end_of_their_short_runs(tmp_path, opened):
    folder = write_two_run_study(tmp_path / "s")
    assert main([str(folder)]) == 0
    page = opened((folder / "report.html").as_uri())
    draw(page, "chart-knob")
    found = "document.getElementById('chart-knob').data.at(-1)"
    heights = f"{found}.y.map((y, i) => [{found}.customdata[i], y]).sort()"
    assert page.evaluate(heights) == [["0000", 60], ["0001", 55], ["0002", 20]]
    page.locator("#point").select_option(label="end of the short run, 2 epochs (n = 3 trials)")
    assert page.evaluate(heights) == [["0000", 40], ["0001", 50], ["0002", 20]]
    draw(page, "chart-curves")
    legend = page.locator("#chart-curves .legendtext").all_text_contents()
    assert legend == ["full run", "short run", "best", "selected epoch"]
    rung = page.locator("#chart-curves .annotation-text").all_text_contents()
    assert rung == ["rung 1: after 2 epochs"]


def test_two_knobs_share_a_chart(tmp_path, opened):
    folder = write_two_run_study(tmp_path / "s")
    assert main([str(folder)]) == 0
    page = opened((folder / "report.html").as_uri())
    page.locator("#other").select_option("b")
    draw(page, "chart-knob")
    found = "document.getElementById('chart-knob').data[0]"
    assert sorted(page.evaluate(f"{found}.y")) == [1, 4, 9]
    assert sorted(page.evaluate(f"{found}.marker.color")) == [20, 55, 60]


def test_a_heading_sorts_and_announces_it(page):
    assert names(page) == ["0003", "0002", "0001", "0000", "0004", "0005"]  # by robust accuracy
    heading = page.get_by_role("columnheader", name="optimizer.weight_decay")
    assert heading.get_attribute("aria-sort") == "none"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names(page) == ["0005", "0004", "0003", "0002", "0001", "0000"]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["0000", "0001", "0002", "0003", "0004", "0005"]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("stopped", ["0004"]),
        ("robust>=45", ["0003", "0002", "0001"]),
        ("robust>45 completed", ["0003", "0002"]),
        ("weight_decay<1e-4", ["0000"]),
        ("optimizer.weight_decay=1e-3 ", ["0002"]),
        ("val_robust_accuracy<=35", ["0004", "0005"]),
        ("nothing-of-the-kind", []),
    ],
)
def test_filter_words_select_rows(page, words, left):
    page.get_by_label("Filter").fill(words)
    assert names(page) == left
    assert page.locator("#count").inner_text() == f"{len(left)} of 6 trials"
    page.get_by_role("button", name="Clear").click()
    assert len(names(page)) == 6


def test_the_page_works_by_keyboard(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#table thead button").first.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert names(page)[0] == "0000"
    # the table is drawn anew, and the heading is still the focused one
    assert page.evaluate("document.activeElement.dataset.key") == "trial_id"
    page.keyboard.press("Enter")
    assert names(page)[0] == "0005"
    page.locator("#table tbody button").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#table tbody button").first.get_attribute("aria-pressed") == "true"


def test_a_selected_trial_is_drawn_and_its_numbers_are_there(page):
    page.get_by_role("button", name="0001", exact=True).click()
    draw(page, "chart-curves")
    drawn = "document.getElementById('chart-curves').data"
    dashed = f"{drawn}.filter((trace) => trace.line?.dash).map((trace) => trace.name)"
    assert page.evaluate(dashed) == ["0001"]
    page.locator("#numbers summary").click()
    cells = page.locator("#numbers tbody tr").nth(2).locator("th, td")
    # run, epoch, robust and clean accuracy in percent, loss: 2 / 3
    playwright.expect(cells).to_have_text(["0001", "1", "3", "45.0", "75.0", "0.667"])


def test_hovering_shows_the_value(page):
    draw(page, "chart-tradeoff")
    page.wait_for_timeout(300)
    points = page.locator("#chart-tradeoff .scatterlayer .point")
    best = page.evaluate(
        "document.getElementById('chart-tradeoff').data.at(-1).customdata.indexOf('0003')"
    )
    points.nth(best).hover(force=True)
    page.wait_for_selector("#chart-tradeoff .hoverlayer .hovertext")
    told = page.locator("#chart-tradeoff .hoverlayer .hovertext").text_content()
    assert "0003" in told
    assert re.search(r"robust %: 60\.0", told)
    assert re.search(r"clean %: 90\.0", told)


def test_charts_follow_the_filter(page):
    draw(page, "chart-tradeoff")
    page.get_by_label("Filter").fill("completed")
    shown = "document.getElementById('chart-tradeoff').data.at(-1).customdata"
    assert sorted(page.evaluate(shown)) == ["0000", "0001", "0002", "0003"]


def test_a_click_on_a_point_selects_its_trial(page):
    draw(page, "chart-tradeoff")
    page.wait_for_timeout(300)
    page.locator("#chart-tradeoff .scatterlayer .point").first.click(force=True)
    pressed = page.locator("#table tbody button[aria-pressed=true]")
    playwright.expect(pressed).to_have_count(1)


PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(tmp_path, opened, scheme):
    folder = write_small_study_folder(tmp_path / "s")
    assert main([str(folder)]) == 0
    page = opened((folder / "report.html").as_uri(), color_scheme=scheme)
    colours = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 28)"}
    assert page.evaluate(PAPER) == colours[scheme]
    draw(page, "chart-knob")
    page.locator("#theme").click()
    other = "dark" if scheme == "light" else "light"
    assert page.evaluate(PAPER) == colours[other]
    page.locator("#theme").click()
    assert page.evaluate(PAPER) == colours[scheme]


CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => parts(text).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => { for (; node; node = node.parentElement) {
    const found = getComputedStyle(node).backgroundColor;
    if (parts(found)[3] !== 0) return found; } };
  const all = [...document.querySelectorAll("body *")];
  const words = (each) => each.nodeType === 3 && each.data.trim();
  const spoken = (node) => [...node.childNodes].some(words);
  const texts = all.filter((node) => !node.closest("svg, script") && spoken(node));
  return texts.map((node) => {
    const pair = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
    return [(pair[0] + 0.05) / (pair[1] + 0.05), node.tagName, node.textContent.slice(0, 40)];
  }).sort((a, b) => a[0] - b[0])[0];
}"""
"""The least contrast of any text, by the formula of WCAG 2.2, which asks for 4.5."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(tmp_path, opened, scheme):
    folder = write_small_study_folder(tmp_path / "s")
    row = {"trial_id": "0003", "rule": "r", "attack": "a", "audit": "doubtful"}
    pd.DataFrame([row]).to_parquet(folder / "evaluation.parquet")
    assert main([str(folder)]) == 0
    page = opened((folder / "report.html").as_uri(), color_scheme=scheme)
    page.get_by_role("button", name="0001", exact=True).click()
    found = page.evaluate(CONTRAST)
    assert found[0] >= 4.5, found


UNNAMED = """() => [...document.querySelectorAll("button, input, select")].filter((each) =>
  !each.labels?.length && !each.getAttribute("aria-label") && !each.textContent.trim()).length"""
WRONG = (
    *("table:not(:has(caption))", "th:not([scope])", "section:not([aria-labelledby])"),
    *(".chart:not([role=img][aria-label])", "figure:not(:has(figcaption))"),
)


def test_a_screen_reader_finds_landmarks_and_names(page):
    assert page.evaluate(UNNAMED) == 0
    assert [each for each in WRONG if page.locator(each).count()] == []
    assert page.locator("h1").count() == 1
    for section in page.locator("section").all():
        assert page.locator(f"#{section.get_attribute('aria-labelledby')}").count() == 1


CUT = """() => [...document.querySelectorAll(".chart text")].filter((text) => {
  const [word, box] = [text, text.closest(".chart")].map((each) => each.getBoundingClientRect());
  return word.width && (word.left < box.left - 1 || word.right > box.right + 1
    || word.top < box.top - 1 || word.bottom > box.bottom + 1);
}).map((text) => `${text.closest(".chart").id}: ${text.textContent}`)"""
"""Letters that a chart cuts off, but for a pixel of rounding."""


@pytest.mark.parametrize("width", [360, 400, 1280])
def test_nothing_is_cut_off(tmp_path, opened, width):
    folder = write_two_run_study(tmp_path / "s")
    assert main([str(folder)]) == 0
    page = opened((folder / "report.html").as_uri(), viewport={"width": width, "height": 800})
    for chart in CHARTS:
        draw(page, f"chart-{chart}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT) == []


GAP = """() => Math.max(...[...document.querySelectorAll(".pairs div")].map((pair) => {
  const [key, value] = [pair.querySelector("dt"), pair.querySelector("dd")];
  return value.getBoundingClientRect().top - key.getBoundingClientRect().bottom;
}))"""
HIDDEN_WIDTH = """() => { const box = document.querySelector("#endings .scroll");
  return box.scrollWidth - box.clientWidth; }"""


def test_values_follow_their_keys_and_tables_wrap_on_a_narrow_screen(tmp_path, opened):
    folder = write_small_study_folder(tmp_path / "s")
    assert main([str(folder)]) == 0
    page = opened((folder / "report.html").as_uri(), viewport={"width": 400, "height": 800})
    assert page.evaluate(GAP) <= 1  # rounding to pixels
    assert page.evaluate(HIDDEN_WIDTH) == 0


@pytest.mark.parametrize("chart", ["chart-tradeoff", "chart-knob"])
def test_a_legend_names_the_status_of_each_mark(page, chart):
    draw(page, chart)
    names_in_legend = page.locator(f"#{chart} .legendtext").all_text_contents()
    expected = ["full run (n = 4)", "stopped early (n = 1)", "failed (n = 1)"]
    assert names_in_legend[-3:] == expected


def test_printing_shows_every_row(page):
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".chart[data-ready]").count() == len(CHARTS)
    widths = "[...document.querySelectorAll('.chart .main-svg')].map((svg) => svg.clientWidth)"
    assert max(page.evaluate(widths)) <= 965  # a Letter page, landscape, without its margins
    page.emulate_media(media="print")
    assert page.locator(".filters").first.is_hidden()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('#trials .scroll')).overflow")
        == "visible"
    )


def test_a_long_table_is_paged_and_printed_completely(tmp_path, opened):
    folder = write_small_study_folder(tmp_path / "s")
    frame = pd.read_parquet(folder / "trials.parquet")
    many = [frame.assign(trial_id=frame["trial_id"] + f"-{i}") for i in range(100)]
    # with the six that then have epochs and no row: trials that have not ended
    pd.concat(many, ignore_index=True).to_parquet(folder / "trials.parquet")
    (folder / "report.html").write_text(page_of(analysis.load(folder), NONE), encoding="utf-8")
    page = opened((folder / "report.html").as_uri())
    rows = "document.querySelectorAll('#table tbody tr').length"
    assert page.evaluate(f"table.body(), {rows}") == 120
    assert page.evaluate(f"table.body(), dispatchEvent(new Event('beforeprint')), {rows}") == 606
    page.evaluate("table.body()")
    playwright.expect(page.locator("#table tbody tr")).to_have_count(606)


def test_scripts_in_study_texts_do_not_run(tmp_path, opened):
    folder = hostile(tmp_path)
    (tmp_path / "x.html").write_text(page_of(analysis.load(folder), NONE), encoding="utf-8")
    page = opened((tmp_path / "x.html").as_uri())
    foreign = "[...document.scripts].filter((script) => script.text.startsWith('alert')).length"
    assert page.evaluate(foreign) == 0
    assert HOSTILE in page.locator("#table thead").inner_text()
    for chart in CHARTS:
        draw(page, f"chart-{chart}")
    assert "alert(1)" in page.locator("#chart-knob .xtitle").text_content()


def test_a_live_page_updates_and_keeps_selection_and_scroll(tmp_path, opened):
    folder = write_small_study_folder(tmp_path / "s", study={"trials": 3})
    lines = [
        began_line("0000", {"k": 1}),
        reported_line("0000", 1, 0.2),
        began_line("0001", {"k": 2}),
    ]
    (folder / EVENT_LOG_FILE).write_text("".join(lines))
    with ReportServer((HOST, 0), ReportHandler) as server:
        server.live_report = LiveReport([str(folder)])
        server.live_report.next_read_at = 0.0
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            page = opened(f"http://{HOST}:{server.server_port}/")
            with hold_event_log(folder):
                follow(page, folder)
            server.live_report.next_read_at = 0.0
            wait_for_state(page, "Ended")
            assert names(page) == []
            assert page.locator("#count").inner_text() == "0 of 3 trials"
        finally:
            server.shutdown()
            thread.join()
    assert all(url.startswith(page.url) for url in opened.asked)


def wait_for_state(page, start):
    """Wait until the state on the page begins with `start`."""
    state = page.locator("#state")
    playwright.expect(state).to_contain_text(re.compile(f"^{start}"), timeout=60_000)


def follow(page, folder):
    wait_for_state(page, "Running: 2")
    page.get_by_label("Filter").fill("running")
    for _ in ("ascending", "descending"):
        page.get_by_role("columnheader", name="trial").get_by_role("button").click()
    page.get_by_role("button", name="0000", exact=True).click()
    page.evaluate("scrollTo({top: 250, behavior: 'instant'})")
    with (folder / EVENT_LOG_FILE).open("a") as file:
        file.write(reported_line("0000", 2, 0.35))
    page.wait_for_selector("#table td:text-is('35.0')")
    assert names(page) == ["0001", "0000"]
    assert page.locator("#filter").input_value() == "running"
    assert page.evaluate("scrollY") == 250
    assert page.locator("#table tbody button[aria-pressed=true]").inner_text() == "0000"
    with (folder / EVENT_LOG_FILE).open("a") as file:
        file.write(
            ended_line("0000")
            + ended_line("0001")
            + began_line("0002", {"k": 3})
            + ended_line("0002")
        )
