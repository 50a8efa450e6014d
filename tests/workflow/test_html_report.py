"""`snakemake --report` after a smoke run, as a user sees it in a browser without network."""

import re
import zipfile
from pathlib import Path

import pytest
from browser import CHROMEDRIVER, CHROMIUM, browser
from checkouts import run

from passline.titles import SMOKE_STAMP

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or CHROMEDRIVER is None,
        reason="Chromium or ChromeDriver is not installed (apt install chromium chromium-driver)",
    ),
]
SESSION = ("--configfile", "workflow/config/smoke.yaml")
PROFILE = ("--profile", "profiles/smoke")
MENU = "//nav//li"
ROW = '//nav//tr[td="{}"]'
EYE, INFORMATION = f"{ROW}//a[1]", f"{ROW}//a[2]"
CATEGORIES = ("1. Report", "2. Answers", "How far to trust it", "Details", "Tables")
SHOWN = """
    const shown = [...document.querySelectorAll("#app > div > div img")];
    return shown.map(one => [one.complete, one.naturalWidth, one.getBoundingClientRect().width]);
"""


@pytest.fixture(scope="module")
def finished(shared_checkout) -> Path:
    done = run(shared_checkout, *PROFILE)
    assert done.returncode == 0, done.stderr[-4000:]
    return shared_checkout


@pytest.fixture(scope="module")
def page(finished) -> Path:
    return report(finished, "report.html", *PROFILE)


@pytest.fixture
def window(page, tmp_path):
    """The page in a browser; whatever the test does there, the page reports no error."""
    with browser(tmp_path) as opened:
        opened.open(page)
        yield opened
        # Snakemake's own page warns of how it is styled; an error may be of an address that is not there offline.
        assert [entry for entry in opened.console() if entry["level"] == "SEVERE"] == []


def report(folder, name, *arguments) -> Path:
    done = run(folder, "--report", name, *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / name


def drawn(window):
    """The one image beside the menu: whether it is loaded, its own width, and the width it is shown with."""
    (image,) = window.run(SHOWN)
    return image


def show(window, section, figure, file):
    """Open a figure by the menu, and see it whole and wide enough to read."""
    window.click(MENU + f"//*[contains(text(), '{section}')]")
    window.click(EYE.format(figure))
    window.element(f"//div[@id='app']//div/img[contains(@src, '{file}')]")
    complete, own, shown = drawn(window)
    assert complete
    assert own > 300
    assert shown > 300


def test_the_first_page_says_what_the_run_is_and_where_its_report_is(window, finished):
    (pdf,) = finished.glob("reports/*/smoke/report.pdf")
    said = window.text("//div[starts-with(@class, 'prose')]")
    assert said.startswith(SMOKE_STAMP)
    assert "session smoke of study softmax" in said
    assert str(pdf.relative_to(finished)) in said
    assert "System Message" not in said
    menu = window.text("//nav")
    assert [menu.find(name) for name in CATEGORIES] == sorted(menu.find(name) for name in CATEGORIES)
    assert all(name in menu for name in CATEGORIES)


def test_a_figure_is_shown_with_its_caption(window):
    show(window, "Details", "against bases", "against_bases")
    window.click(INFORMATION.format("against bases"))
    said = window.text("//nav")
    assert SMOKE_STAMP in said
    assert "Two-Pass against Three-Pass over size." in said
    assert "Between the points nothing was measured" in said  # its limits
    assert not re.search(r"\{\w+\}", said)


def test_every_figure_is_an_image_and_every_caption_is_whole(window, finished):
    results = window.run("return Object.entries(results).map(([path, one]) => [path, one.caption, one.mime_type])")
    figures = {Path(path).stem for path, _, kind in results if kind == "image/svg+xml"}
    assert figures == {path.stem for path in finished.glob("reports/*/smoke/figures/*.svg")}
    for path, caption, _ in results:
        assert SMOKE_STAMP in caption, path
        assert "system-message" not in caption, path
    broken = window.run("""
        const addresses = Object.values(results).filter(one => one.mime_type === "image/svg+xml");
        return Promise.all(addresses.map(one => new Promise(done => {
            const image = new Image();
            image.onload = () => done(null);
            image.onerror = () => done(one.name);
            image.src = one.data_uri;
        }))).then(all => all.filter(name => name !== null));
    """)
    assert broken == []


def test_the_first_page_leads_to_the_pdf(window):
    window.click("//a[.='report.pdf']")
    assert "the whole report" in window.text("//nav")
    window.click("//nav//table//a")
    window.element("//iframe[starts-with(@src, 'data:application/pdf')]")


def test_tables_are_listed_by_what_a_row_is(window):
    window.click(MENU + "//*[contains(text(), 'Tables')]")
    assert "ratios pair x n" in window.text("//nav")
    saved = window.element(EYE.format("ratios") + "[@download='ratios.csv']")
    assert saved


def test_a_zip_holds_the_same_page_and_its_files(finished, tmp_path):
    with zipfile.ZipFile(report(finished, "report.zip", *SESSION)) as packed:
        packed.extractall(tmp_path)
    with browser(tmp_path / "profile") as window:
        window.open(tmp_path / "report" / "report.html")
        show(window, "Answers", "bars", "bars.svg")


def test_the_report_changes_nothing_of_the_run(finished, page):
    assert page.is_file()
    assert "Nothing to be done" in run(finished, "-n", *PROFILE).stdout
