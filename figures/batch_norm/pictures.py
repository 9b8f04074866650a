"""Pictures of normalisation: the four lines of batch norm as values that move, and what each kind of norm averages over."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.engine.block_norm import KINDS
from core.formatting import format_number
from core.lessons.batch_norm.lesson import CELLS, NAMES, Config, Result, changes, question_transform, transforms
from core.lessons.batch_norm.normalisation import Lines, algorithm_1, averaged
from core.lessons.batch_norm.words import mean_text, outcome, second_name, spread_text
from figures import style

HUE = {kind: f"norm_{kind}" for kind in KINDS}
MARK = {"none": "circle", "batch": "square", "layer": "diamond", "group": "triangle-up", "instance": "x"}
ROWS = ("x", "x − μ", "x̂", "y = γ x̂ + β")
# How many frames of the film each line takes
HOLD, LINE_1, LINE_2, LINE_3, LINE_4 = 3, 6, 8, 12, 14


def legend() -> list[tuple[str, str, str]]:
    return [(NAMES[k], style.colour(HUE[k]), "solid") for k in KINDS]


def _ease(n: int) -> np.ndarray:
    t = np.arange(1, n + 1) / n
    return t * t * (3 - 2 * t)


def film(scene: Config) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Labels [F]; place [F] of the values, 0 at x to 3 at y; reach [F] of the σ bracket, NaN before there is a mean."""
    lines, _ = transforms(scene)
    labels, place, reach = ["the batch x"] * HOLD, [0.0] * HOLD, [math.nan] * HOLD
    labels += [f"line 1: mean μ\u00a0=\u00a0{mean_text(lines.x)}"] * LINE_1
    variance = float(lines.var) if lines.x.min() < lines.x.max() else 0.0
    labels += [f"line 2: variance σ²\u00a0=\u00a0{format_number(variance, 3)}"] * LINE_2
    place += [0.0] * (LINE_1 + LINE_2)
    reach += [0.0] * LINE_1 + list(_ease(LINE_2))
    sign = "−" if scene.beta < 0 else "+"
    last = f"line 4: {format_number(scene.gamma)}\u00a0x̂\u00a0{sign}\u00a0{format_number(abs(scene.beta))}"
    for at, (label, n) in enumerate((("line 3: x − μ", LINE_3), ("line 3: ÷ √(σ² + δ)", LINE_3), (last, LINE_4))):
        labels += [label] * n
        place += list(at + _ease(n))
        reach += [1.0] * n
    return labels, np.array(place), np.array(reach)


def _stages(lines: Lines) -> np.ndarray:
    """[4, m]: the values after each stage."""
    return np.stack([v.numpy() for v in (lines.x, lines.centred, lines.xhat, lines.y)])


def _bracket(lines: Lines, scene: Config) -> np.ndarray:
    """[4, 2]: centre and half-width of μ ± σ at each stage; half-widths keep γ's sign."""
    mean, sigma = float(lines.mean), math.sqrt(float(lines.var))
    unit = sigma / math.sqrt(sigma**2 + scene.delta)
    return np.array([[mean, sigma], [0, sigma], [0, unit], [scene.beta, scene.gamma * unit]])


def _bracket_ends(lines: Lines, scene: Config) -> np.ndarray:
    centre, half = _bracket(lines, scene).T
    return np.concatenate([centre - half, centre + half])


def _batches(scene: Config) -> list[Lines]:
    first, second = transforms(scene)
    return [first, second] if changes(scene) else [first]


def reach_of(scene: Config) -> tuple[float, float]:
    """The range of values that the film needs, in round numbers so that it stays put while a hand moves a little."""
    drawn = [part for lines in _batches(scene) for part in (_stages(lines).ravel(), _bracket_ends(lines, scene))]
    values = np.concatenate([*drawn, np.array([-2.0, 2.0])])
    unit = 2.0 if np.ptp(values) < 30 else 10.0
    low, high = math.floor((values.min() - 0.3) / unit) * unit, math.ceil((values.max() + 0.3) / unit) * unit
    return low, high


def _moved(stages: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and heights [F, m, 4]: the stages passed so far, the rest of them at the moving head."""
    rows = np.arange(4)
    below = np.minimum(np.floor(place).astype(int), 2)
    part = place - below
    head = stages[below] * (1 - part)[:, None] + stages[below + 1] * part[:, None]
    passed = rows[None] <= place[:, None] + 1e-9
    x = np.where(passed[:, None], stages.T[None], head[:, :, None])
    y = np.where(passed, 3.0 - rows, 3.0 - place[:, None])
    return x, np.broadcast_to(y[:, None], x.shape)


def _strings(values: np.ndarray) -> np.ndarray:
    """[F, m, 4] to [F, 5m] with a gap after each path."""
    return np.concatenate([values, np.full((*values.shape[:2], 1), np.nan)], 2).reshape(len(values), -1)


def _path_traces(lines: Lines, scene: Config, second: bool) -> list[style.Trace]:
    _, place, reach = film(scene)
    hue = "ink" if second else "norm_batch"
    name = second_name(scene) if second else "x"
    x, y = (_strings(v) for v in _moved(_stages(lines), place))
    marker = (dict(symbol="circle-open", size=14, color=style.colour(hue), line=dict(width=1.8)) if second
              else dict(symbol="circle", size=9, color=style.colour(hue)))
    path = dict(type="scatter", x=style.array(x[-1]), y=style.array(y[-1]), mode="lines+markers", name=name, marker=marker,
                line=dict(color=style.colour(hue, 0.35), width=1.3, dash="dot" if second else "solid"),
                hovertemplate=f"{name}: %{{x:.4g}}<extra></extra>")
    edges = _bracket(lines, scene)
    ends = np.stack([edges[:, :1], edges[:, 1:]])
    centre, cy = _moved(ends[0], place)
    half, _ = _moved(ends[1], place)
    side = -0.24 if second else 0.24
    # low end, mean and high end of each stage, then a gap
    bx = np.stack([centre - half * reach[:, None, None], centre + 0 * reach[:, None, None],
                   centre + half * reach[:, None, None], np.full_like(centre, np.nan)], -1).reshape(len(place), -1)
    by = np.repeat(cy[:, 0] + side, 4, axis=1)
    bracket = dict(type="scatter", x=style.array(bx[-1]), y=style.array(by[-1]), mode="lines+markers",
                   line=dict(color=style.colour(hue), width=2.4),
                   marker=dict(symbol=["line-ns-open", "diamond", "line-ns-open", "circle"] * 4, size=9,
                               color=style.colour(hue), line=dict(width=2, color=style.colour(hue))),
                   hovertemplate=f"{name}, mean ± spread: %{{x:.4g}}<extra></extra>")
    return [style.frames(bracket, x=bx, y=by), style.frames(path, x=x, y=y)]


def _name(x: float, y: float, text: str, i: int) -> dict[str, Any]:
    """The name of a batch at its bracket: above it for the first, below it for the second."""
    side = 1 if i == 0 else -1
    return dict(x=x, y=y + 0.24 * side, text=f"<b>{text}</b>", showarrow=False, yshift=9 * side,
                yanchor="bottom" if i == 0 else "top", font=dict(color=style.colour("ink" if i else "norm_batch")))


def _answer(scene: Config, low: float, high: float) -> style.Trace:
    """What has become of the changed batch, beside the last row once it is there, on the side that has more room."""
    _, place, _ = film(scene)
    ends = np.concatenate([lines.y.numpy() for lines in transforms(scene)])
    right = high - ends.max() > ends.min() - low
    said = f"{second_name(scene)}: {outcome(scene)}"
    # Plain spaces at an end are not drawn.
    said = f"\u2003{said}" if right else f"{said}\u2003"
    words = dict(type="scatter", x=[float(ends.max() if right else ends.min())], y=[0.0], mode="text", text=[said],
                 textposition=f"middle {'right' if right else 'left'}", hoverinfo="skip", cliponaxis=False)
    return style.frames(words, text=[[said if at == place[-1] else ""] for at in place])


def algorithm(scene: Config) -> go.Figure:
    """The values of the batch, and of the changed batch, falling through the four lines."""
    batches = _batches(scene)
    traces = [t for i, lines in reversed(list(enumerate(batches))) for t in _path_traces(lines, scene, second=i > 0)]
    low, high = reach_of(scene)
    traces += [_answer(scene, low, high)] if changes(scene) else []
    called = ["x", second_name(scene)][: len(batches)]
    names = []
    for name, *values in zip((" | ".join(called), *ROWS[1:]), *([v.x, v.centred, v.xhat, v.y] for v in batches), strict=True):
        means, spreads = (" | ".join(map(tell, values)) for tell in (mean_text, spread_text))
        names.append(f"<b>{name}</b><br>mean {means}<br>spread {spreads}")
    marks = [_name(float(lines.mean), 3, name, i) for i, (name, lines) in enumerate(zip(called, batches, strict=True))]
    return style.figure(
        traces, x="value", showlegend=False, uirevision=f"{low}:{high}", annotations=marks,
        xaxis=dict(range=[low, high], zeroline=True, zerolinecolor=style.colour("axis")),
        yaxis=dict(range=[-0.5, 3.7], tickvals=[3, 2, 1, 0], ticktext=names, showgrid=True, ticks="", showline=False))


def setup(scene: Config) -> go.Figure:
    """What the question is about: the batch, what the layer makes of it, and the changed batch; not what becomes of that."""
    factor, offset = question_transform(scene)
    second = replace(scene, factor=factor, offset=offset)
    first, changed = transforms(second)
    rows = ((2, "x", first.x, "norm_batch", "circle"), (1, "y", first.y, "norm_batch", "square"),
            (0, second_name(second), changed.x, "ink", "circle-open"))
    falls = np.stack([first.x.numpy(), first.y.numpy(), np.full(len(first.x), np.nan)], 1).ravel()
    traces: list[style.Trace] = [
        dict(type="scatter", x=style.array(falls), y=style.array(np.tile([2, 1, np.nan], len(first.x))), mode="lines",
             line=dict(color=style.colour("norm_batch", 0.35), width=1.3), hoverinfo="skip", showlegend=False)]
    for height, name, values, hue, symbol in rows:
        mean, spread = float(values.mean()), float(values.std(correction=0))
        traces += [
            dict(type="scatter", x=style.array([mean - spread, mean, mean + spread]), y=[height + 0.24] * 3, mode="lines+markers",
                 line=dict(color=style.colour(hue), width=2), hoverinfo="skip",
                 marker=dict(symbol=["line-ns-open", "diamond", "line-ns-open"], size=8, color=style.colour(hue),
                             line=dict(width=2, color=style.colour(hue)))),
            dict(type="scatter", x=style.array(values), y=[height] * len(values), mode="markers", name=name,
                 marker=dict(symbol=symbol, size=10, color=style.colour(hue), line=dict(width=1.6, color=style.colour(hue))),
                 hovertemplate=f"{name}: %{{x:.4g}}<extra></extra>")]
    every = np.concatenate([*(values.numpy() for _, _, values, *_ in rows), [scene.beta]])
    pad = max(0.07 * float(np.ptp(every)), 0.5)
    beta = dict(type="line", x0=scene.beta, x1=scene.beta, y0=-0.45, y1=1.5, line=dict(color=style.INK, width=1.2, dash="dot"))
    return style.figure(
        traces, x="value", showlegend=False, shapes=[beta],
        annotations=[style.label(scene.beta, 0.5, "β"),
                     dict(x=float(changed.mean), y=-0.5, text="what comes out?", showarrow=False)],
        xaxis=dict(range=[float(every.min()) - pad, float(every.max()) + pad]),
        yaxis=dict(range=[-0.75, 2.6], tickvals=[2, 1, 0], ticktext=[f"<b>{name}</b>" for _, name, *_ in rows], ticks="",
                   showline=False))


def histogram(scene: Config) -> go.Figure:
    """The histogram of the moving values over that of the batch as it came."""
    _, place, _ = film(scene)
    low, high = reach_of(scene)
    width = 0.5 if high - low <= 20 else 1.0 if high - low <= 40 else 2.0
    # Bins are centred on multiples of their width, so that a value of 0 or ±1 does not sit on an edge.
    edges = np.arange(low - width / 2, high + width, width)
    mids = (edges[:-1] + edges[1:]) / 2

    def counts(lines: Lines) -> np.ndarray:
        stages = _stages(lines)
        below = np.minimum(np.floor(place).astype(int), 2)
        part = (place - below)[:, None]
        heads = stages[below] * (1 - part) + stages[below + 1] * part
        bins = np.searchsorted(edges, heads, side="right") - 1 + len(mids) * np.arange(len(place))[:, None]
        return np.bincount(bins.ravel(), minlength=len(place) * len(mids)).reshape(-1, len(mids)).astype(np.float32)

    batches = _batches(scene)
    tables = [counts(lines) for lines in batches]
    hover = "%{y:.0f} values near %{x:.3g}<extra></extra>"
    at = style.array(mids)
    before = dict(type="bar", x=at, y=tables[0][0], width=width * 0.96, hovertemplate=f"x before: {hover}",
                  marker=dict(color=style.colour("norm_none", 0.3)))
    now = dict(type="bar", x=at, y=tables[0][-1], width=width * 0.7, hovertemplate=f"x now: {hover}",
               marker=dict(color=style.colour("norm_batch", 0.85)))
    traces = [before, style.frames(now, y=tables[0])]
    if len(tables) > 1:
        outline = dict(type="scatter", x=at, y=tables[1][-1], mode="lines",
                       hovertemplate=f"{second_name(scene)} now: {hover}",
                       line=dict(color=style.INK, width=1.8, shape="hvh"))
        traces.append(style.frames(outline, y=tables[1]))
    top = max(float(t.max()) for t in tables)
    return style.figure(traces, x="value", y="count", barmode="overlay", showlegend=False, xaxis=dict(range=[low, high]),
                        yaxis=dict(range=[0, top + 0.5], dtick=math.ceil(top / 4)))


def scaling(scene: Config) -> go.Figure:
    """Spread of the output against what the input is multiplied by, without norm, with it, and by formula."""
    x = torch.tensor(scene.batch, dtype=torch.float64)
    near = torch.logspace(-4, -1.4, 14, dtype=torch.float64)  # where both fall to 0
    factors = torch.cat([torch.linspace(-4, 4, 161, dtype=torch.float64), near, -near]).sort().values
    sigma = float(x.std(correction=0))

    def measured(factor: torch.Tensor) -> torch.Tensor:
        return algorithm_1(x[:, None] * factor + scene.offset, scene.gamma, scene.beta, scene.delta).y.std(0, correction=0)

    formula = abs(scene.gamma) * sigma * factors.abs() / (factors**2 * sigma**2 + scene.delta).sqrt()
    now = torch.tensor([scene.factor], dtype=torch.float64)
    both = torch.cat([now.abs() * sigma, measured(now)])
    marker = dict(size=11, color=[style.colour("norm_none"), style.colour("norm_batch")], symbol=["circle", "square"],
                  line=dict(color=style.PAPER, width=1.5))
    traces = [
        dict(type="scatter", x=style.array(factors), y=style.array(sigma * factors.abs()), mode="lines",
             line=dict(color=style.colour("norm_none"), width=2.2), hovertemplate="no norm: %{y:.3g}<extra></extra>"),
        dict(type="scatter", x=style.array(factors), y=style.array(measured(factors)), mode="lines",
             line=dict(color=style.colour("norm_batch"), width=3.4), hovertemplate="batch norm: %{y:.5g}<extra></extra>"),
        style.theory(factors, formula, "|γ| |a| σ / √(a²σ² + δ)"),
        dict(type="scatter", x=style.array(now.repeat(2)), y=style.array(both), mode="markers", marker=marker,
             hovertemplate="now: %{y:.4g}<extra></extra>"),
    ]
    top = max(2.2 * sigma, 1.1 * abs(scene.factor) * sigma, 1.25 * abs(scene.gamma), 0.5)
    return style.figure(traces, x="input multiplied by a", y="output spread", showlegend=False, xaxis=dict(range=[-4, 4]),
                        yaxis=dict(range=[0, top], nticks=5))


SLANT = np.array([0.34, 0.26])  # where one channel further back lies


def _faces() -> tuple[np.ndarray, np.ndarray]:
    """The visible unit faces of a block of CELLS, as corners [faces, 4, 2], and the cell of each, [faces, 3].

    Samples run to the right, positions upwards, channels into the picture; front, top and right side are seen.
    """
    N, C, P = CELLS
    right, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    # each side: its two directions, and where a cell's face begins
    sides = [(right, up, [((n, 0, p), (n, p)) for n in range(N) for p in range(P)]),
             (right, SLANT, [((n, c, P - 1), (n + c * SLANT[0], P + c * SLANT[1])) for n in range(N) for c in range(C)]),
             (SLANT, up, [((N - 1, c, p), (N + c * SLANT[0], p + c * SLANT[1])) for c in range(C) for p in range(P)])]
    corners = [np.array([begin for _, begin in cells])[:, None] + np.stack([0 * a, a, a + b, b]) for a, b, cells in sides]
    return np.concatenate(corners), np.array([cell for _, _, cells in sides for cell, _ in cells])


def sets(scene: Config) -> go.Figure:
    """A block of samples × channels × positions for each kind, with one set that is averaged together coloured."""
    N, C, P = CELLS
    width, height = N + C * SLANT[0], P + C * SLANT[1]
    places = [(column * (width + 2.2), -row * (height + 2.8)) for row in range(2) for column in range(2)]
    corners, cells = _faces()
    outlines = np.concatenate([corners, corners[:, :1], np.full((len(corners), 1, 2), np.nan)], 1)
    traces: list[style.Trace] = []
    for place, kind in zip(places, KINDS[1:], strict=True):
        inside = averaged(kind, CELLS, (N - 1, 0), scene.groups).numpy()[tuple(cells.T)]
        for chosen, fill in ((False, style.colour("soft")), (True, style.colour(HUE[kind]))):
            x, y = (outlines[inside == chosen] + place).reshape(-1, 2).T
            traces.append(dict(type="scatter", x=style.array(x), y=style.array(y), mode="lines", fill="toself", fillcolor=fill,
                               hoverinfo="skip", line=dict(color=style.PAPER if chosen else style.colour("axis"), width=1)))
    m = scene.batch_size
    count = {"batch": m * 16, "layer": 8 * 16, "group": 8 // scene.groups * 16, "instance": 16}
    traces.append(dict(type="scatter", x=style.array([x + N / 2 for x, _ in places]), y=style.array([y - 0.2 for _, y in places]),
                       mode="text", text=[f"<b>{NAMES[k]}</b><br>{count[k]} values" for k in KINDS[1:]],
                       textposition="bottom center", hovertemplate="%{text}<extra></extra>"))
    return style.figure(
        traces, showlegend=False, xaxis=dict(visible=False, range=[-1.0, 2 * width + 3.2]),
        yaxis=dict(visible=False, range=[-height - 5.4, height + 0.3], scaleanchor="x"))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The batch and twice the batch come in differently, and leave as one."""
    del result
    first, second = transforms(scene)

    def fan(lines: Lines) -> tuple[np.ndarray, np.ndarray]:
        """One line down the first value's path, up the second's, and so on."""
        x = np.stack([lines.x.numpy(), lines.y.numpy()], 1)
        x[1::2] = x[1::2, ::-1]
        y = np.tile([1.0, 0.0, 0.0, 1.0], len(x))[: 2 * len(x)]
        return x.ravel(), y

    low, high = float(min(first.x.min(), first.y.min())), float(second.x.max())
    top = np.ones(len(first.x))
    return style.thumbnail(
        style.mark("line", *fan(second), "ink", width=1.5, alpha=0.55),
        style.mark("line", *fan(first), "norm_batch", width=1.5, alpha=0.75),
        style.mark("dots", second.x, top, "ink", width=8), style.mark("dots", first.x, top, "norm_batch", width=8),
        style.mark("dots", first.y, 0 * top, "norm_batch", width=8),
        x=(low - 0.5, high + 0.5), y=(-0.12, 1.12))
