"""What regulariser_bench promises, to be counted over seeds."""

from __future__ import annotations

from core.lessons.regulariser_bench.lesson import Config, Result
from tests.promises import Promise


def drawn(result: Result, scene: Config) -> bool:
    return len(result.x_N) == scene.size


PROMISES = [Promise(preset=name, holds=drawn) for name in ("Opening", "Few", "Many")]
