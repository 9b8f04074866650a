"""A reader brings a file: it is shown to that reader alone, and one that is broken changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from benchmarks.server import serve
from tests.reader import ENDED, Reader, in_browser
from tests.uploads import files

pytestmark = in_browser


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("uploads") / "log"
    with serve(log=log) as address:
        yield address
    assert "Traceback" not in log.read_text()


def opened(browser, place: str, path: str) -> Reader:
    reader = Reader(browser, place, height=900)
    reader.page.goto(f"{place}/{path}")
    reader.drawn()
    return reader


def bring(page: Page, label: str, name: str, data: bytes) -> None:
    # A file that is brought while a new place for it is drawn, after the last one was read, would be lost with the old place.
    page.wait_for_function(ENDED, polling=50)
    place = page.get_by_test_id("stFileUploader").filter(has_text=label).locator("input[type=file]")
    expect(place).to_have_count(1)  # two as long as the last file is shown there
    place.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})


def test_a_picture_of_ones_own(browser, place):
    reader = opened(browser, place, "mixup?seed=0")
    page = reader.page
    reader.unfold("More")
    caption = page.locator("[data-panel=pictures] .lab-plot")
    expect(caption).to_contain_text("cat")
    bring(page, "Your own first picture", "broken.png", files.image(files.CORNERS)[:60])
    expect(page.locator(".lab-notices .lab-notice")).to_have_text(
        "Your own first picture: The picture is broken or cut short. Nothing has changed.")
    expect(caption).to_contain_text("cat")
    bring(page, "Your own first picture", "scan.dcm", files.dicom(files.CORNERS[..., 0].astype("uint16")[None].repeat(5, 0)))
    expect(caption).to_contain_text("your first picture")
    expect(page.locator(".lab-notices .lab-notice")).to_have_text([
        "Your own first picture: The file has 5 frames; the middle one, frame 3, is shown.",
        "Your own first picture: not in the link, and nobody else sees it."])
    reader.drawn()
    page.wait_for_function("location.search.includes('first=')")
    other = opened(browser, place, page.url.removeprefix(f"{place}/"))
    expect(other.page.locator("[data-panel=pictures] .lab-plot")).to_contain_text("cat")
    expect(other.page.locator(".lab-notices .lab-notice").first).to_contain_text("Your own first picture")
    page.get_by_role("button", name="Remove it").click()
    expect(caption).to_contain_text("cat")
    for one in (reader, other):
        one.page.context.close()
        assert one.errors == []


def drop(page: Page, label: str, name: str, data: bytes) -> None:
    """As a hand does that lets a file go over the place for it."""
    files = page.evaluate_handle("""([name, bytes]) => {
      const carried = new DataTransfer();
      carried.items.add(new File([new Uint8Array(bytes)], name));
      return carried;
    }""", [name, list(data)])
    zone = page.get_by_test_id("stFileUploader").filter(has_text=label).get_by_test_id("stFileUploaderDropzone")
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": files})


def test_a_picture_is_dropped_and_transformed(browser, place):
    reader = opened(browser, place, "augmentation?seed=0")
    page = reader.page
    caption = page.locator("[data-panel=draws]")
    expect(caption).to_contain_text("landmarks")
    drop(page, "Your own picture", "scan.dcm", files.dicom(files.CORNERS[..., 0].astype("uint16")[None].repeat(5, 0)))
    expect(caption).to_contain_text("Your own picture (CT")
    expect(caption).not_to_contain_text("Green")
    expect(page.locator(".lab-notices .lab-notice")).to_have_text([
        "Your own picture: The file has 5 frames; the middle one, frame 3, is shown.",
        "Your own picture: not in the link, and nobody else sees it."])
    reader.drawn()
    drop(page, "Your own picture", "broken.png", files.image(files.CORNERS)[:60])
    expect(page.locator(".lab-notices .lab-notice").filter(has_text="broken or cut short")).to_have_count(1)
    expect(caption).to_contain_text("Your own picture (CT")
    page.get_by_role("button", name="Remove it").click()
    expect(caption).to_contain_text("landmarks")
    page.context.close()
    assert reader.errors == []


@pytest.mark.parametrize(("slug", "panel"), [("noise", "fits"), ("surrogate_losses", "plane")])
def test_points_of_ones_own(browser, place, slug, panel):
    reader = opened(browser, place, f"{slug}?seed=0")
    page = reader.page
    reader.unfold("More")
    shown = page.locator(f"[data-panel={panel}]")
    named = "Circles: fox. Squares: hedgehog."
    expect(shown).not_to_contain_text(named)
    bring(page, "Your own points", "short.csv", files.table(7).encode())
    expect(page.locator(".lab-notices .lab-notice")).to_contain_text(["Your own points: The table has 7 rows"])
    bring(page, "Your own points", "points.csv", files.table(60, classes=("fox", "hedgehog")).encode())
    expect(shown).to_contain_text(named)
    reader.drawn()
    expect(page.get_by_text("Your own points: not in the link, and nobody else sees it.")).to_be_visible()
    page.get_by_role("button", name="Remove it").click()
    expect(shown).not_to_contain_text(named)
    reader.page.context.close()
    assert reader.errors == []


def test_points_of_ones_own_in_the_playground(browser, place):
    reader = Reader(browser, place, height=900)
    page = reader.page
    page.goto(f"{place}/playground?data=own")
    notice, surface = page.locator(".lab-notices .lab-notice"), page.locator("[data-panel=surface]")
    expect(notice).to_contain_text(["Choose a file of points first"])
    expect(page.locator(".st-key-diagnosis")).to_contain_text("Step")
    paused = page.locator(".st-key-transport").get_by_role("radio", name="Pause")
    paused.click()  # a place for a file that is drawn anew while one is on its way loses it
    expect(paused).to_have_attribute("aria-checked", "true")
    bring(page, "Points of your own", "short.csv", files.table(7).encode())
    expect(notice.filter(has_text="The table has 7 rows")).to_have_count(1)
    expect(page.get_by_text("short.csv")).to_have_count(0)  # the place for a file is empty again
    bring(page, "Points of your own", "points.csv", files.table(60, classes=("fox", "hedgehog")).encode())
    expect(surface).to_contain_text("circles fox, squares hedgehog")
    expect(notice.filter(has_text="not in the link, and nobody else sees it")).to_have_count(1)
    page.context.close()
    assert reader.errors == []
