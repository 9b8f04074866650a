"""The page of mean_teacher in a browser: the simulated clip opens in the smoke, and stays where the reader puts it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from core.lessons.mean_teacher.clip import SMOKIEST
from tests.reader import in_browser


@pytest.mark.browser
class TestInTheBrowser:
    pytestmark = in_browser

    def test_the_clip_opens_where_smoke_is_thickest_and_stays_where_it_is_put(self, reader):
        page = reader.page  # while the nets still train: the frame is not to wait for them, nor to move with them
        page.goto(f"{reader.address}/mean_teacher?data=clip&images=1&weight=3.0")
        player, frame = page.locator(".lab-player"), page.locator(".lab-player input[type=range]")
        expect(frame).to_have_value(str(SMOKIEST))
        expect(player).to_contain_text(f"frame {SMOKIEST + 1}")
        frame.fill("5")
        expect(player).to_contain_text("frame 6")
        page.locator(".lab-presets a").get_by_text("A stronger rival", exact=True).click()  # the same clock: nothing moves it
        page.wait_for_url("**augment=*")
        expect(page.get_by_text("on most seeds the teacher now gains less").first).to_be_visible()
        expect(frame).to_have_value("5")
