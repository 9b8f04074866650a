"""Shared by all tests: one thread, and the lessons of the catalogue."""

from __future__ import annotations

import pytest
import torch

from core.catalogue import LESSONS, Lesson


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "entry" in metafunc.fixturenames:
        metafunc.parametrize("entry", LESSONS, ids=[entry.slug for entry in LESSONS])


@pytest.fixture
def module(entry: Lesson):
    return entry.module()
