"""Shared by all tests: one thread, the lessons of the catalogue, the order of the tests, one server and one browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import Browser

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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", LESSONS, ids=SLUGS)


def group(item: pytest.Item) -> str:
    """The tests that one worker takes, one after the other: those of a lesson, or of a file, in a browser or without."""
    parts = item.path.relative_to(ROOT).parts
    if item.get_closest_marker("browser"):
        return f"{parts[-1]} in a browser"
    if parts[:2] == ("tests", "lessons"):
        return parts[2]
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return str(params["entry"].slug if "entry" in params else params.get("slug", "/".join(parts)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browsers come first, for they take longest; then the lessons; small files at the end leave no worker idle."""
    order = {slug: place for place, slug in enumerate(SLUGS)}
    items.sort(key=lambda item: (not item.get_closest_marker("browser"), order.get(group(item), len(order))))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    # What has been run and drawn of one lesson is of no use to the next.
    if nextitem is None or group(nextitem) != group(item):
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
    with chromium() as browser:
        yield browser


@pytest.fixture
def reader(browser, address) -> Iterator[Reader]:
    reader = Reader(browser, address)
    yield reader
    reader.page.context.close()
    assert reader.errors == []
