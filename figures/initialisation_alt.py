"""What the pictures of six starts show, in a sentence each, for those who do not see them."""

from __future__ import annotations

from torch import Tensor

from core.lessons.initialisation import SIZES, Config, Result, layers, seen, told
from core.lessons.initialisation_signal import SCHEMES
from core.words import short


def _each(values: Tensor) -> str:
    # Of the start with zeros alone a zero is exact.
    return ", ".join(f"{name} {'0' if (scheme, v) == ('zero', 0) else told(v)}"
                     for (scheme, name), v in zip(SCHEMES.items(), values.tolist(), strict=True))


def forward(result: Result, scene: Config) -> str:
    return (f"Second moment of the activations by layer, on a logarithmic scale. {seen(result, scene)} In the last hidden layer "
            f"after {int(result.at[-1])} steps: {_each(result.forward[-1, :, -1])}.").replace("**", "")


def backward(result: Result) -> str:
    return ("Second moment of the gradient by layer, on a logarithmic scale. In the first hidden layer at the start: "
            f"{_each(result.backward[0, :, 0])}; after {int(result.at[-1])} steps: {_each(result.backward[-1, :, 0])}.")


def loss(result: Result) -> str:
    return f"Training loss of the six starts. After {result.step} steps: {_each(result.losses[-1])}."


def units(result: Result, scene: Config) -> str:
    moved = (result.units[-1] - result.units[0]).norm(dim=-1)
    ends = [f"{name} {_range(each)}" for name, each in zip(SCHEMES.values(), moved, strict=True)]
    return f"How far the {scene.width} first-layer units move: {'; '.join(ends)}."


def _range(moved: Tensor) -> str:
    low, high = told(float(moved.min())), told(float(moved.max()))
    return "not at all" if not moved.any() else low if low == high else f"from {low} to {high}"


def ridges(result: Result, scene: Config) -> str:
    deep = result.counts[-1, list(SCHEMES).index(scene.inside), -1]
    return (f"Sizes of the activations of {SCHEMES[scene.inside]} in {len(result.layers)} of {scene.depth} layers. "
            f"After {int(result.at[-1])} steps those of the deepest {_spread(deep)}.")


def _spread(counts: Tensor) -> str:
    used = (counts > 0).nonzero().flatten().tolist()
    if not used:
        return "are all zero or beyond the axis"
    low, high = SIZES
    ends = [low + (high - low) / len(counts) * place for place in (used[0], used[-1] + 1)]
    return f"lie between {short(10 ** ends[0], 1)} and {short(10 ** ends[1], 1)}"


def setup(result: Result, scene: Config) -> str:
    return (f"{len(result.y)} points in two classes on two noisy circles, one inside the other. A net of {layers(scene.depth)} "
            f"of {scene.width} units is to part them.")


def rank(result: Result) -> str:
    ends = ", ".join(f"{name} {f'{r:.0f}' if r == r else 'beyond floating point'}"
                     for name, r in zip(SCHEMES.values(), result.rank[-1].tolist(), strict=True))
    return f"Rank of the weights of layer {result.middle} against step. After {int(result.at[-1])} steps: {ends}."
