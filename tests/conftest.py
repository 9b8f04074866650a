"""Shared by all tests: one thread, the lessons of the catalogue, the order of the tests, a server, a browser and its page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest import mock

import pytest
import torch
from playwright.sync_api import Browser
from streamlit.components.v2 import manifest_scanner
from xdist.scheduler import LoadScopeScheduling

from benchmarks.browser import chromium
from benchmarks.server import ROOT, serve
from core.catalogue import LESSONS, Lesson
from tests import runs
from tests.reader import Reader
from ui import runner

SLUGS = [entry.slug for entry in LESSONS]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def one_search_for_components() -> Iterator[None]:
    """Every AppTest reads what all installed packages say of themselves; the answer is the same each time."""
    with mock.patch.object(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", LESSONS, ids=SLUGS)


# Files all of whose tests drive a browser.
BROWSER = {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")
           if re.search(r"^pytestmark = (in_browser|\[\s*pytest\.mark\.browser)", path.read_text(), re.M)}


def group(name: str) -> str:
    """The tests that one worker takes, one after the other: those of a lesson, or of a file, in a browser or without.

    name: pytest's id of a test, all that a scheduler knows of it.
    """
    path, _, rest = name.partition("::")
    parts, (first, *_) = path.split("/"), re.findall(r"\[(\w*)", rest) or [""]
    if path in BROWSER or rest.startswith(("TestBrowser", "TestInTheBrowser")):
        return f"browser: {path}"
    if parts[:2] == ["tests", "lessons"]:
        return parts[2]
    return first if first in SLUGS else path


class ByGroup(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    # Marks of groups (--dist loadgroup) are lost between xdist 3.8 and pytest 9.2.
    config.option.loadscopereorder = False
    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browsers come first, for they take longest; then the lessons; small files at the end leave no worker idle."""
    order = {slug: place for place, slug in enumerate(SLUGS)}

    def place(item: pytest.Item) -> tuple[bool, int]:
        name = group(item.nodeid)
        return not name.startswith("browser"), order.get(name, len(order))

    items.sort(key=place)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    # What has been run and drawn of one lesson is of no use to the next.
    if nextitem is None or group(nextitem.nodeid) != group(item.nodeid):
        runs.forget()
        runner.shared.clear()


@pytest.fixture
def module(entry: Lesson):
    return entry.module()


@pytest.fixture(scope="session")
def address(tmp_path_factory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log"
    with serve(log=log) as address:
        yield address
    # Streamlit logs a traceback of its own when a reader leaves in the middle of a run; none may pass through our files.
    assert not re.search(rf'File "{re.escape(str(ROOT))}/(app|server|pages|core|figures|ui)\b', log.read_text())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Scripts are not optimised while they run: a page of a test does not live long enough to gain what that costs.
    with chromium("--js-flags=--no-opt,--no-maglev") as browser:
        yield browser


@pytest.fixture(scope="session")
def one_page(browser, address) -> Reader:
    return Reader(browser, address)


@pytest.fixture
def reader(one_page) -> Iterator[Reader]:
    """Somebody who has been on every page; `reader.begin` makes somebody else of them."""
    one_page.begin()
    yield one_page
    one_page.page.goto("about:blank")
    assert one_page.errors == []
