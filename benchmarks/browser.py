"""Headless Chromium for benchmarks and browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from core.catalogue import LESSONS

# The shell has no windows and toolbars of its own, which cost three times as much as a page that opens.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# WebGL is drawn in software, and the page itself is put together without it, which costs a third of the processor time.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
         "--disable-gpu", "--enable-unsafe-swiftshader"]


def executable() -> str | None:
    """The Chromium of this machine, None if it has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


# A reader who has been here before and is not asked to predict first; for what looks at pictures.
RETURNING = """if (!localStorage.getItem("lab-progress")) localStorage.setItem("lab-progress", JSON.stringify(
  Object.fromEntries(%s.map((slug) => [slug, { seen: true, predicted: "skipped" }]))))"""


def returning() -> str:
    """A script that makes a new page's browser that of a reader who has been on every page."""
    return RETURNING % [entry.slug for entry in LESSONS]


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A browser, with `flags` besides its own. Raises RuntimeError where the machine has no Chromium."""
    path = executable()
    if path is None:
        raise RuntimeError(f"no Chromium found (looked for {', '.join(NAMES)})")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser
        browser.close()
