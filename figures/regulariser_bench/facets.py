"""Small multiples of regulariser_bench: one frame for each search, all on one scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor

from core.formatting import format_number, join_words
from core.intervals import intervals
from core.lessons.regulariser_bench import pairs
from core.lessons.regulariser_bench.arms import Arm
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import BASELINE, METHODS
from core.lessons.regulariser_bench.standing import STOPPING, ends
from core.lessons.regulariser_bench.words import called, groups, knob, ticks
from figures import style
from figures.regulariser_bench.pictures import frames

COLUMNS = 2
SHORT = {"stopping": "stopping", "averaging": "averaging"}
MOST = 0.6  # of early stopping's loss: differences beyond it leave the frame
TOLD = (0, 3, 5)  # places of the strengths that are named
GAP = (0.08, 0.15)  # between frames, as parts of the picture


def by_strength(result: Result, scene: Config, family: str) -> go.Figure:  # noqa: ARG001
    """Test loss of every trial less early stopping's, against the strength; the mean of pairs with its interval."""
    at, names = frames(result), groups(result)[family]
    low, high = strength_range(result)
    traces, notes = [], []
    for k, name in enumerate(names):
        axes = _axes(k)
        arm = {arm.name: arm for arm in result.arms}.get(name)
        if arm is not None:
            traces += [trace | axes for trace in _strengths(result, arm, at)]
        notes.append(_title(k, len(names), f"<b>{SHORT.get(name, METHODS[name].name)}</b>, {knob(result, name)}"))
    layout = _layout(len(names), dict(range=[low, high]))
    for k, name in enumerate(names):
        words = ticks(result, name)
        layout[f"xaxis{k + 1 if k else ''}"] |= dict(
            range=[-0.4, len(words) - 0.6], tickvals=list(range(len(words))), tickangle=0,
            ticktext=[word if t in TOLD else "" for t, word in enumerate(words)])
    return style.figure(traces, y="difference (nats)", showlegend=False, annotations=notes, **layout)


def strength_range(result: Result) -> tuple[float, float]:
    """Of the y axis: all intervals, but up no farther than MOST of early stopping's loss or off, and down half as far again."""
    base, (means, halves) = _base(result), _last_intervals(result)
    scale = float(base[-1].double().mean())
    off = float((result.arm(BASELINE).test[-1, 0] - base[-1]).mean().nan_to_num())
    known = means.isfinite() & halves.isfinite()
    if not known.any():  # early stopping diverged, with which all are compared
        return -1.0, 1.0
    high = min(float((means + halves)[known].max()), max(MOST * scale, 1.1 * off))
    least = float(means[known].min())
    low = max(float((means - halves)[known].min()), least - (high - least) / 2)
    room = max(0.12 * (high - low), 0.02 * scale)
    return low - room, high + room


def beyond(result: Result) -> str:
    """How far lines and bands go at the end that leave the frame, as a sentence; empty if none does."""
    (low, high), (means, halves) = strength_range(result), _last_intervals(result)
    halves = halves.nan_to_num(0, 0)
    least = float((means - halves).nan_to_num(torch.inf, torch.inf).min())
    most = float((means + halves).nan_to_num(-torch.inf, torch.inf).max())
    out = [format_number(end) for end, leaves in ((least, least < low), (most, most > high)) if leaves]
    return f" What leaves the frame goes on as far as {join_words(out)}." if out else ""


def _last_intervals(result: Result) -> tuple[Tensor, Tensor]:
    """Means and half widths [n] of all strengths of the arms that are trained to the end, less early stopping."""
    base = _base(result)
    found = [intervals(_apart(arm, base)[-1]) for arm in result.arms if len(arm.val) == len(base)]
    return torch.cat([means for means, _ in found]), torch.cat([halves for _, halves in found])


def _base(result: Result) -> Tensor:
    return ends(result.arm(STOPPING))[0]


def _apart(arm: Arm, base: Tensor) -> Tensor:
    """[r, T, S] of every trial, in the order in which strengths rise."""
    return arm.test[:, _order(arm)] - base[: len(arm.test), None]


def _order(arm: Arm) -> list[int]:
    """Trials in the order in which they are drawn: the baseline's by their learning rate, others as they are."""
    order = range(len(arm.strengths))
    return sorted(order, key=lambda t: arm.strengths[t]) if arm.name == BASELINE else list(order)


def _strengths(result: Result, arm: Arm, at: list[int]) -> list[style.Trace]:
    """Band, line and the marks of what validation chooses, at each frame; nothing where the arm has not come so far."""
    base = _base(result)
    apart = _apart(arm, base)
    F, T = len(at), apart.shape[1]
    here = [r for r in at if r < len(apart)]
    mean, half, size = (np.full((F, T), np.nan, np.float32) for _ in range(3))
    size[:] = 0
    if here:
        found = intervals(apart[here])
        mean[: len(here)], half[: len(here)] = (style.array(part) for part in found)
        size[: len(here)] = 8 * np.sqrt(_counts(arm, here))
    x = np.arange(T, dtype=np.float32)
    both = np.concatenate([x, x[::-1]])
    edge = np.concatenate([mean + half, (mean - half)[:, ::-1]], 1)
    band = style.frames(style.band(x, mean[-1] - half[-1], mean[-1] + half[-1], arm.name, "test") | dict(x=both), y=edge)
    line = dict(type="scatter", x=x, y=mean[-1], mode="lines", showlegend=False, hoverinfo="skip",
                line=dict(color=style.colour("test"), width=2.4))
    dots = dict(type="scatter", x=x, y=mean[-1], mode="markers", showlegend=False,
                marker=dict(color=style.colour("test"), size=size[-1]),
                text=ticks(result, arm.name), hovertemplate=f"{called(arm.name)}, %{{text}}: %{{y:.3f}}<extra></extra>")
    zero = dict(type="scatter", x=[-0.4, T - 0.6], y=[0, 0], mode="lines", hoverinfo="skip", showlegend=False,
                line=dict(color=style.colour("stopped"), width=1.6))
    return [zero, band, style.frames(line, y=mean), style.frames(dots, y=mean, marker__size=size)]


def _counts(arm: Arm, at: list[int]) -> np.ndarray:
    """In how many seeds validation chooses each strength, [F, T] in the order of `_apart`."""
    chosen = pairs.choose(arm.val[at])
    T = arm.val.shape[1]
    return torch.nn.functional.one_hot(chosen, T).sum(1)[:, _order(arm)].numpy()


def through(result: Result, scene: Config, family: str) -> go.Figure:  # noqa: ARG001
    """Test loss through training, of the trials that validation chooses at the end, beside the untuned net's."""
    names = groups(result)[family]
    traces, notes = [], []
    untuned = result.arm(BASELINE).test[:, 0]
    low, high = through_range(result)
    for k, name in enumerate(names):
        arm = {arm.name: arm for arm in result.arms}.get(name)
        if arm is not None:
            loss = chosen_path(arm)
            x = result.recorded[: len(loss)]
            traces += [trace | _axes(k) for trace in (
                _line(result.recorded[: len(untuned)], untuned.mean(1), style.MUTED, "untuned net", dash="dot"),
                style.band(x, loss.amin(1), loss.amax(1), name, "test"),
                _line(x, loss.mean(1), style.colour("test"), called(name)))]
        notes.append(_title(k, len(names), f"<b>{METHODS[name].name}</b>"))
    layout = _layout(len(names), dict(range=[low, high]))
    for k in range(len(names)):
        low_down = k >= len(names) - COLUMNS
        layout[f"xaxis{k + 1 if k else ''}"] |= dict(range=[0, result.recorded[-1]], showticklabels=low_down)
        if k and low_down:
            layout[f"xaxis{k + 1}"]["title_text"] = "update"
    return style.figure(traces, x="update" if len(names) <= COLUMNS else "", y="test loss (nats)", showlegend=False,
                        annotations=notes, **layout)


def chosen_path(arm: Arm) -> Tensor:
    """Test loss [r, S] at all records, of the trial that validation chooses at the last."""
    chosen = pairs.choose(arm.val[-1])
    return arm.test.gather(1, chosen.expand(len(arm.test), 1, -1))[:, 0]


def through_range(result: Result) -> tuple[float, float]:
    """Of the y axis: all bands, and the untuned net's mean."""
    values = torch.cat([chosen_path(arm).flatten() for arm in result.arms] + [result.arm(BASELINE).test[:, 0].mean(1)]).double()
    values = values[values.isfinite()]
    return 0.0, 1.05 * float(values.max())


def _line(x: Any, y: Tensor, colour: str, name: str, **stroke: Any) -> style.Trace:
    return dict(type="scatter", x=style.array(x), y=style.array(y), mode="lines", showlegend=False,
                line=dict(color=colour, width=2, **stroke), hovertemplate=f"{name}: %{{y:.3f}}<extra></extra>")


def _axes(k: int) -> dict[str, str]:
    return dict(xaxis=f"x{k + 1 if k else ''}", yaxis=f"y{k + 1 if k else ''}")


def _box(k: int, count: int) -> tuple[list[float], list[float]]:
    """Domains of the k-th of so many frames, row by row."""
    rows = math.ceil(count / COLUMNS)
    width, height = (1 - GAP[0] * (COLUMNS - 1)) / COLUMNS, (1 - GAP[1] * rows) / rows
    row, column = divmod(k, COLUMNS)
    left, top = column * (width + GAP[0]), 1 - GAP[1] / 2 - row * (height + GAP[1])
    return [left, left + width], [top - height, top]


def _layout(count: int, y: dict[str, Any]) -> dict[str, Any]:
    """Axes of all frames, which share one range up; those to the left have its numbers."""
    layout: dict[str, Any] = {}
    for k in range(count):
        end, (across, up) = k + 1 if k else "", _box(k, count)
        layout[f"xaxis{end}"] = dict(domain=across, anchor=f"y{end}")
        layout[f"yaxis{end}"] = dict(domain=up, anchor=f"x{end}", **y)
        if k:
            layout[f"yaxis{end}"] |= dict(matches="y", showticklabels=k % COLUMNS == 0)
    return layout


def _title(k: int, count: int, text: str) -> dict[str, Any]:
    across, up = _box(k, count)
    return dict(x=across[0], y=up[1], xref="paper", yref="paper", xanchor="left", yanchor="bottom", text=text, showarrow=False)
