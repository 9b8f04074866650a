"""Shared by all tests: one thread, the lessons of the catalogue, one server and one browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import Browser

from benchmarks.browser import chromium
from benchmarks.server import ROOT, serve
from core.catalogue import LESSONS, Lesson
from tests.reader import Reader


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", LESSONS, ids=[entry.slug for entry in LESSONS])


@pytest.fixture
def module(entry: Lesson):
    return entry.module()


@pytest.fixture(scope="session")
def address(tmp_path_factory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "log"
    with serve(log=log) as address:
        yield address
    # Streamlit logs a traceback of its own when a reader leaves in the middle of a run; none may pass through our files.
    assert not re.search(rf'File "{re.escape(str(ROOT))}/(app|pages|core|figures|ui)\b', log.read_text())


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
