"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.formatting import format_number, join_words, table
from core.lessons.initialisation.lesson import SIZES, Config, Result, layers, spread
from core.lessons.initialisation.signal import SCHEMES
from core.question import Challenge, Pick, Verdict

TRAINED = 0.5 * math.log(2)  # half of what a coin costs


def trained(result: Result) -> list[str]:
    """The schemes whose loss has come down to TRAINED at most by the last step so far."""
    return [s for s, loss in zip(SCHEMES, result.losses[-1].tolist(), strict=True) if loss <= TRAINED]


def overflowed(result: Result) -> list[str]:
    """The schemes whose loss is no longer finite at the last step so far."""
    return [s for s, loss in zip(SCHEMES, result.losses[-1].tolist(), strict=True) if not math.isfinite(loss)]


def relapsed(result: Result) -> list[str]:
    """The schemes whose loss was TRAINED or less on the way, and is more at the last step so far."""
    least = result.losses.nan_to_num(torch.inf).amin(0).tolist()
    return [s for s, loss in zip(SCHEMES, least, strict=True) if loss <= TRAINED and s not in trained(result)]


def named(schemes: list[str]) -> str:
    return join_words([SCHEMES[s] for s in schemes])


def format_measured(value: float, digits: int = 2) -> str:
    """A number of a run in float32, in words: a zero may be too small for it, and what is no number has overflowed."""
    if math.isnan(value):
        return "beyond floating point"
    return format_number(value, digits) if value else "0 up to rounding"


def _told(scheme: str, value: float) -> str:
    # Of the start with zeros alone a zero is exact.
    return "0" if (scheme, value) == ("zero", 0) else format_measured(value)


def _progress(result: Result, config: Config) -> str:
    return f"{result.step} steps" if result.step == config.steps else f"{result.step} of {config.steps} steps"


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen: a sentence and a table, computed from the result."""
    done = trained(result)
    fate = f"{named(done)} {'has' if len(done) == 1 else 'have'}" if done else "no start has"
    verdict = (f"**After {_progress(result, config)} {fate} trained: {'the' if done else 'no'} loss is half that of a coin toss "
               f"or less{_relapse(result)}.**")
    kept = (result.forward[0, :, -1] / result.forward[0, :, 0]).tolist()
    rows = [[name, _told(s, loss), _told(s, k)]
            for (s, name), loss, k in zip(SCHEMES.items(), result.losses[-1].tolist(), kept, strict=True)]
    heads = ["start", "loss", f"second moment after {layers(config.depth)}, × that of the input, before training"]
    return f"{verdict}\n\n{table(heads, rows)}"


def _relapse(result: Result) -> str:
    back = relapsed(result)
    return f"; {named(back)} had come so low on the way and rose again" if back else ""


def predict(result: Result, config: Config) -> Pick:
    """Which of the six starts trains."""
    done = trained(result)
    act = {"tanh": "tanh", "relu": "ReLU", "linear": "linear"}[config.activation]
    return Pick(
        text=f"{layers(config.depth).capitalize()} of {act} units, {config.steps} steps on two circles: which of these starts "
        f"trains, that is, ends with a loss of {TRAINED:.2f} or less, half that of a coin toss?",
        options={**SCHEMES, "none": "None of them"}, right=tuple(done) or ("none",), why=_why(result, done))


def _why(result: Result, done: list[str]) -> str:
    losses = dict(zip(SCHEMES, result.losses[-1].tolist(), strict=True))
    rest = {s: loss for s, loss in losses.items() if s not in done and math.isfinite(loss)}
    parts = []
    if done:
        parts.append(f"{named(done)} {'comes' if len(done) == 1 else 'come'} down to {TRAINED:.2f} or less")
    if rest:
        best = min(rest, key=rest.__getitem__)
        parts.append(f"{'the lowest of the rest' if done else 'the lowest loss'}, that of {SCHEMES[best]}, ends at "
                     f"{format_measured(rest[best])}")
    if back := relapsed(result):
        parts.append(f"{named(back)} {'was' if len(back) == 1 else 'were'} lower on the way")
    if gone := overflowed(result):
        parts.append(f"{named(gone)} {'goes' if len(gone) == 1 else 'go'} beyond floating point")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


LEAST_DEPTH = 25


def _at(loss: float) -> str:
    return f"at {format_measured(loss, 3)}" if math.isfinite(loss) else "beyond floating point"


def _check(result: Result, config: Config, answer: None) -> Verdict:  # noqa: ARG001
    if config.activation != "relu" or config.depth < LEAST_DEPTH or config.optimiser != "sgd":
        return Verdict(False, f"This is about ReLU units, at least {LEAST_DEPTH} layers, and momentum as the optimiser.")
    done = [s for s in trained(result) if s in ("xavier", "orthogonal")]
    losses = dict(zip(SCHEMES, result.losses[-1].tolist(), strict=True))
    ends = f"The loss of Xavier ends {_at(losses['xavier'])}, that of the orthogonal start {_at(losses['orthogonal'])}"
    if len(done) < 2:
        return Verdict(False, f"{ends}; both must come down to {TRAINED:.3f}.")
    return Verdict(True, f"{ends}. At the start each layer after the first multiplied the second moment by "
                         f"g²/2 = {format_number(config.gain**2 / 2, 3)} on average.")


CHALLENGE = Challenge(
    text=f"Make both Xavier and the orthogonal start train a ReLU net of at least {LEAST_DEPTH} layers, with momentum.",
    check=_check,
)


def _each(values: Tensor) -> str:
    return ", ".join(f"{name} {_told(scheme, v)}" for (scheme, name), v in zip(SCHEMES.items(), values.tolist(), strict=True))


def forward(result: Result, scene: Config) -> str:
    return (f"Second moment of the activations by layer, on a logarithmic scale. In the last of {layers(scene.depth)} at the "
            f"start: {_each(result.forward[0, :, -1])}; after {int(result.at[-1])} steps: {_each(result.forward[-1, :, -1])}.")


def backward(result: Result) -> str:
    return ("Second moment of the gradient by layer, on a logarithmic scale. In the first hidden layer at the start: "
            f"{_each(result.backward[0, :, 0])}; after {int(result.at[-1])} steps: {_each(result.backward[-1, :, 0])}.")


def loss(result: Result) -> str:
    return f"Training loss of the six starts. After {result.step} steps: {_each(result.losses[-1])}."


def units(result: Result, scene: Config) -> str:
    moved = (result.units[-1] - result.units[0]).norm(dim=-1)
    ends = [f"{name} {_range(each)}" for name, each in zip(SCHEMES.values(), moved, strict=True)]
    apart = spread(result)[:, list(SCHEMES).index("constant")]
    apart = float(apart[apart.isfinite()].amax())
    return f"How far the {scene.width} first-layer units move: {'; '.join(ends)}. Those of the constant start move as one: " + (
        "at every recorded step they are equal to the last bit." if apart == 0 else
        f"by rounding alone they come apart, by {format_measured(apart)} at most.")


def _range(moved: Tensor) -> str:
    low, high = format_measured(float(moved.min())), format_measured(float(moved.max()))
    return "not at all" if not moved.any() else low if low == high else f"from {low} to {high}"


def ridges(result: Result, scene: Config) -> str:
    deep = result.counts[-1, list(SCHEMES).index(scene.inside), -1]
    return (f"Sizes of the activations of {SCHEMES[scene.inside]} in {len(result.layers)} of {scene.depth} layers. "
            f"After {int(result.at[-1])} steps those of the deepest {_spread(deep)}.")


def _spread(counts: Tensor) -> str:
    used = (counts > 0).nonzero().flatten().tolist()
    if not used:
        return "are all zero or beyond floating point"
    low, high = SIZES
    ends = [low + (high - low) / len(counts) * place for place in (used[0], used[-1] + 1)]
    return f"lie between {format_number(10 ** ends[0], 1)} and {format_number(10 ** ends[1], 1)}"


def setup(result: Result, scene: Config) -> str:
    return (f"{len(result.y)} points in two classes on two noisy circles, one inside the other. A net of {layers(scene.depth)} "
            f"of {scene.width} units is to part them.")


def rank(result: Result) -> str:
    ends = ", ".join(f"{name} {f'{r:.0f}' if r == r else 'beyond floating point'}"
                     for name, r in zip(SCHEMES.values(), result.rank[-1].tolist(), strict=True))
    return f"Rank of the weights of layer {result.middle} against step. After {int(result.at[-1])} steps: {ends}."
