"""What parameter_sharing promises, to be counted over seeds."""

from __future__ import annotations

from core.lessons.parameter_sharing.lesson import Config, Result, size_index
from tests.promises import Promise


def falls(result: Result, scene: Config) -> list[float]:
    """What two pixels cost the ConvNet and the MLP of equal size, means over seeds."""
    seen, at = result.images, size_index(scene)
    assert seen
    return [float((seen.accuracy[a, at, :, 0] - seen.accuracy[a, at, :, 2]).mean()) for a in (0, seen.equal)]


def b_gains_from_a_little(result: Result, _: Config) -> bool:
    assert result.tying
    mean = result.tying.test[:, :, 1].mean(1)
    return bool(mean[1:10].min() < mean[0])


def cells(result: Result, _: Config) -> bool:
    assert result.sequences
    mean = result.sequences.by_length.mean(1)[:, -1]
    return bool(mean[0] > 0.8 and mean[1] <= 0.7)


def far(result: Result, _: Config) -> bool:
    assert result.tying
    mean = result.tying.test[:, :, 0].mean(1)
    return bool(mean[-1] > mean[0])


def one(result: Result, _: Config) -> bool:
    assert result.tying
    w = result.tying.w
    return bool((w[-1, :, 0] == w[-1, :, 1]).all())


def bears_two(result: Result, scene: Config) -> bool:
    seen, at = result.images, size_index(scene)
    assert seen
    return bool(seen.accuracy[0, at, :, 2].mean() > seen.accuracy[seen.equal, at, :, 2].mean())


PROMISES = [
    Promise(preset="Two pixels", holds=lambda r, s: falls(r, s)[1] > 0.5 and falls(r, s)[0] < 0.5 * falls(r, s)[1]),
    Promise(preset="Few images", holds=bears_two),
    Promise(preset="A ConvNet that forgets sharing", holds=lambda r, s: falls(r, s)[0] > 0.5),
    Promise(preset="Over time", holds=cells),
    Promise(preset="Tied tasks", holds=b_gains_from_a_little),
    Promise(preset="Unlike tasks", holds=far),
    Promise(preset="Two nets on digits", holds=one),
]
