"""Pictures of normalisation: Algorithm 1 as values that move, what each kind averages over, and the trained nets."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.batch_norm import NAMES, NEVER, RATES, Config, Judged, Result, row, transforms
from core.normalisation import KINDS, Lines, algorithm_1, averaged
from figures import style

HUE = {kind: f"norm_{kind}" for kind in KINDS}
MARK = {"none": "circle", "batch": "square", "layer": "diamond", "group": "triangle-up", "instance": "x"}
ROWS = ("x", "x − μ", "x̂", "y")
# (label, frames, what happens): the film of Algorithm 1
HOLD, LINE_1, LINE_2, LINE_3, LINE_4 = 3, 6, 8, 12, 14


def legend() -> list[tuple[str, str, str]]:
    return [(NAMES[k], style.colour(HUE[k]), "solid") for k in KINDS]


def changes(scene: Config) -> bool:
    """Whether the second batch differs from the first."""
    return (scene.factor, scene.offset) != (1.0, 0.0)


def second_name(scene: Config) -> str:
    times = "−x" if scene.factor == -1 else f"{scene.factor:g} x".replace("-", "−")
    return times + (f" {'+' if scene.offset > 0 else '−'} {abs(scene.offset):g}" if scene.offset else "")


def _ease(n: int) -> np.ndarray:
    t = np.arange(1, n + 1) / n
    return t * t * (3 - 2 * t)


def film(scene: Config) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Labels [F]; place [F] of the values, 0 at x to 3 at y; reach [F] of the σ bracket, NaN before there is a mean."""
    lines, _ = transforms(scene)
    mean, var = float(lines.mean), float(lines.var)
    labels, place, reach = ["the batch x"] * HOLD, [0.0] * HOLD, [math.nan] * HOLD
    labels += [f"line 1: μ = {mean:.3g}"] * LINE_1
    labels += [f"line 2: σ² = {var:.3g}"] * LINE_2
    place += [0.0] * (LINE_1 + LINE_2)
    reach += [0.0] * LINE_1 + list(_ease(LINE_2))
    for at, (label, n) in enumerate((("line 3: x − μ", LINE_3), ("line 3: ÷ √(σ² + δ)", LINE_3), ("line 4: γ x̂ + β", LINE_4))):
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


def _batches(scene: Config) -> list[Lines]:
    first, second = transforms(scene)
    return [first, second] if changes(scene) else [first]


def reach_of(scene: Config) -> tuple[float, float]:
    """The range of values that the film needs, in round numbers so that it stays put while a hand moves a little."""
    values = np.concatenate([_stages(lines).ravel() for lines in _batches(scene)] + [np.array([-2.0, 2.0])])
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
    bracket = dict(type="scatter", x=style.array(bx[-1]), y=style.array(by[-1]), mode="lines+markers", name=f"{name}: mean ± spread",
                         line=dict(color=style.colour(hue), width=2.4),
                         marker=dict(symbol=["line-ns-open", "diamond", "line-ns-open", "circle"] * 4, size=9,
                                     color=style.colour(hue), line=dict(width=2, color=style.colour(hue))),
                         hovertemplate=f"{name}, mean ± spread: %{{x:.4g}}<extra></extra>")
    return [style.frames(bracket, x=bx, y=by), style.frames(path, x=x, y=y)]


def algorithm(scene: Config) -> go.Figure:
    """The values of the batch, and of the changed batch, falling through the lines of Algorithm 1."""
    batches = _batches(scene)
    traces = [t for i, lines in reversed(list(enumerate(batches))) for t in _path_traces(lines, scene, second=i > 0)]
    low, high = reach_of(scene)
    names = []
    for stage, name in enumerate(ROWS):
        numbers = [(_stages(lines)[stage].mean(), _stages(lines)[stage].std()) for lines in batches]
        means, spreads = (" | ".join(f"{_round(v[i])}" for v in numbers) for i in (0, 1))
        names.append(f"<b>{name}</b><br>mean {means}<br>spread {spreads}")
    out = style.figure(traces, x="value", y="stage", showlegend=False, xaxis_range=[low, high], yaxis_range=[-0.5, 3.5])
    out.update_layout(yaxis=dict(tickvals=[3, 2, 1, 0], ticktext=names, showgrid=True, ticks="", showline=False),
                      xaxis=dict(zeroline=True, zerolinecolor=style.colour("axis")), uirevision=f"{low}:{high}")
    return out


def _round(value: float) -> str:
    text = f"{value:.3g}" if abs(value) >= 1 else f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


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
        return np.stack([np.histogram(h, edges)[0] for h in heads]).astype(np.float32)

    batches = _batches(scene)
    tables = [counts(lines) for lines in batches]
    hover = "%{y:.0f} values near %{x:.3g}<extra></extra>"
    traces = [dict(type="bar", x=style.array(mids), y=tables[0][0], width=width * 0.96, hovertemplate=f"x before: {hover}",
                     marker=dict(color=style.colour("norm_none", 0.3))),
              style.frames(dict(type="bar", x=style.array(mids), y=tables[0][-1], width=width * 0.7, hovertemplate=f"x now: {hover}",
                                  marker=dict(color=style.colour("norm_batch", 0.85))), y=tables[0])]
    if len(tables) > 1:
        outline = dict(type="scatter", x=style.array(mids), y=tables[1][-1], mode="lines",
                             hovertemplate=f"{second_name(scene)} now: {hover}",
                             line=dict(color=style.INK, width=1.8, shape="hvh"))
        traces.append(style.frames(outline, y=tables[1]))
    top = max(float(t.max()) for t in tables)
    return style.figure(traces, x="value", y="count", barmode="overlay", showlegend=False, xaxis_range=[low, high],
                        yaxis=dict(range=[0, top + 0.5], dtick=math.ceil(top / 4)))


def scaling(scene: Config) -> go.Figure:
    """Spread of the output against what the input is multiplied by, without norm, with it, and by formula."""
    x = torch.tensor(scene.batch, dtype=torch.float64)
    factors = torch.linspace(-4, 4, 161, dtype=torch.float64)
    sigma = float(x.std(correction=0))

    def measured(factor: torch.Tensor) -> torch.Tensor:
        return algorithm_1(x[:, None] * factor + scene.offset, scene.gamma, scene.beta, scene.delta).y.std(0, correction=0)

    formula = abs(scene.gamma) * sigma * factors.abs() / (factors**2 * sigma**2 + scene.delta).sqrt()
    now = torch.tensor([scene.factor], dtype=torch.float64)
    traces = [
        dict(type="scatter", x=style.array(factors), y=style.array(sigma * factors.abs()), mode="lines", name="no norm",
                   line=dict(color=style.colour("norm_none"), width=2.2), hovertemplate="no norm: %{y:.3g}<extra></extra>"),
        dict(type="scatter", x=style.array(factors), y=style.array(measured(factors)), mode="lines", name="batch norm",
                   line=dict(color=style.colour("norm_batch"), width=3.4), hovertemplate="batch norm: %{y:.5g}<extra></extra>"),
        style.theory(factors, formula, "|γ| |a| σ / √(a²σ² + δ)"),
        dict(type="scatter", x=style.array(now.repeat(2)), y=style.array(torch.cat([now.abs() * sigma, measured(now)])), mode="markers",
                   hovertemplate="now: %{y:.4g}<extra></extra>",
                   marker=dict(size=11, color=[style.colour("norm_none"), style.colour("norm_batch")],
                               symbol=["circle", "square"], line=dict(color=style.PAPER, width=1.5))),
    ]
    top = max(2.2 * sigma, 1.1 * abs(scene.factor) * sigma, 1.25 * abs(scene.gamma), 0.5)
    return style.figure(traces, x="input multiplied by a", y="output spread", showlegend=False, xaxis_range=[-4, 4],
                        yaxis=dict(range=[0, top], nticks=5))


def rates(result: Result, facts: Judged, scene: Config) -> go.Figure:
    """Training loss at the end against the learning rate, one line a kind, with the range over starts."""
    losses = facts.training[0].numpy()
    x = np.array(RATES)
    traces: list[object] = []
    finite = losses[np.isfinite(losses)]
    low, top = (math.log10(f) for f in (min([0.3, *finite * 0.9]), max([4.0, *finite * 1.6])))
    for i, kind in enumerate(KINDS):
        mean = losses[i].mean(-1)
        there = np.isfinite(mean)
        if losses.shape[-1] > 1 and there.sum() > 1:
            traces.append(_range(x[there], losses[i][there], kind))
        traces.append(dict(type="scatter", x=style.array(x), y=style.array(mean), mode="lines+markers", name=NAMES[kind],
                                 line=dict(color=style.colour(HUE[kind]), width=2.6),
                                 marker=dict(symbol=MARK[kind], size=9, line=dict(color=style.PAPER, width=1)),
                                 hovertemplate=f"{NAMES[kind]}, ε = %{{x:g}}: %{{y:.3f}} nats<extra></extra>"))
    traces += _gone(result, scene, low, top)
    traces.append(style.theory([RATES[0] / 1.3, RATES[-1] * 1.3], [math.log(10)] * 2, "guessing, ln 10"))
    out = style.figure(traces, x="learning rate ε", y="training loss (nats)", showlegend=False, yaxis_range=[low, top])
    _log_loss(out)
    out.update_xaxes(type="log", tickvals=list(RATES), ticktext=[f"{r:g}" for r in RATES],
                     range=[math.log10(RATES[0] / 1.3), math.log10(RATES[-1] * 1.3)])
    out.update_layout(shapes=[_upright(scene.learning_rate)])
    return out


def _range(x: np.ndarray, losses: np.ndarray, kind: str) -> style.Trace:
    """From the least to the largest loss [n, starts]; few points would otherwise get markers."""
    return style.band(x, losses.min(-1), losses.max(-1), NAMES[kind], HUE[kind])


def _upright(x: float) -> dict[str, object]:
    """A dotted line over the whole height at x."""
    return dict(type="line", x0=x, x1=x, y0=0, y1=1, yref="paper", line=dict(color=style.INK, width=1.2, dash="dot"))


def _log_loss(out: go.Figure) -> None:
    ticks = [v * 10.0**e for e in range(-3, 6) for v in (1, 2, 5)]
    out.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{t:g}" for t in ticks])


def _gone(result: Result, scene: Config, low: float, top: float) -> list[style.Trace]:
    """A mark on the upper edge for every kind and rate of which some start diverged."""
    arm, found = result.arms[0], []
    for i, kind in enumerate(KINDS):
        for rate in RATES:
            k = row(scene, kind, rate)
            at = arm.diverged_at[k : k + scene.starts]
            at = at[at != NEVER]
            if len(at):
                said = f"{NAMES[kind]}, ε = {rate:g}: {len(at)} of {scene.starts} diverged, first at step {int(at.min())}"
                found.append((rate, 10 ** (top - (0.06 + 0.06 * i) * (top - low)), style.colour(HUE[kind]), said))
    if not found:
        return []
    xs, ys, hues, texts = zip(*found, strict=True)
    return [dict(type="scatter", x=style.array(xs), y=style.array(ys), mode="markers+text", hovertext=texts,
                       text=["diverged", *[""] * (len(xs) - 1)], textposition="middle left", textfont=dict(color=list(hues)),
                       marker=dict(symbol="x-thin-open", size=11, color=list(hues), line=dict(width=3)),
                       hovertemplate="%{hovertext}<extra></extra>")]


def sizes(result: Result, facts: Judged, scene: Config) -> go.Figure:
    """Validation loss, in eval mode, against the batch size at the learning rate looked at."""
    order = sorted(range(len(result.arms)), key=lambda a: result.arms[a].batch_size)
    x = np.array([result.arms[a].batch_size for a in order])
    losses = facts.validation[order][:, :, RATES.index(scene.learning_rate)].numpy()
    traces: list[object] = []
    for i, kind in enumerate(KINDS):
        mean = losses[:, i].mean(-1)
        there = np.isfinite(mean)
        if losses.shape[-1] > 1 and there.sum() > 1:
            traces.append(_range(x[there], losses[there, i], kind))
        traces.append(dict(type="scatter", x=style.array(x), y=style.array(mean), mode="lines+markers", name=NAMES[kind],
                                 line=dict(color=style.colour(HUE[kind]), width=2.6),
                                 marker=dict(symbol=MARK[kind], size=9, line=dict(color=style.PAPER, width=1)),
                                 hovertemplate=f"{NAMES[kind]}, m = %{{x}}: %{{y:.3f}} nats<extra></extra>"))
    traces.append(style.theory([x[0], x[-1]], [math.log(10)] * 2, "guessing, ln 10"))
    out = style.figure(traces, x="batch size m", y="validation loss (nats)", showlegend=False)
    _log_loss(out)
    out.update_xaxes(type="log", tickvals=x.tolist(), ticktext=[str(v) for v in x])
    return out


CELLS = (4, 8, 4)  # samples, channels, positions of the picture
SLANT = np.array([0.34, 0.26])  # where one channel further back lies


def _faces(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The visible unit faces of a block [N, C, P], as corners [faces, 4, 2], and whether each belongs to the mask.

    Samples run to the right, positions upwards, channels into the picture; front, top and right side are seen.
    """
    N, C, P = mask.shape
    right, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    corners, inside = [], []

    def add(n: int, c: int, p: int, origin: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
        corners.append(np.stack([origin, origin + a, origin + a + b, origin + b]))
        inside.append(mask[n, c, p])

    for n in range(N):
        for p in range(P):
            add(n, 0, p, n * right + p * up, right, up)
        for c in range(C):
            add(n, c, P - 1, n * right + P * up + c * SLANT, right, SLANT)
    for c in range(C):
        for p in range(P):
            add(N - 1, c, p, N * right + p * up + c * SLANT, SLANT, up)
    return np.stack(corners), np.array(inside)


def sets(scene: Config) -> go.Figure:
    """A block of samples × channels × positions for each kind, with one set that is averaged together coloured."""
    N, C, P = CELLS
    step = N + C * SLANT[0] + 2.2
    traces: list[object] = []
    for i, kind in enumerate(KINDS[1:]):
        corners, inside = _faces(averaged(kind, CELLS, (N - 1, 0), scene.groups).numpy())
        corners = corners + np.array([i * step, 0.0])
        for chosen, fill in ((False, style.colour("soft")), (True, style.colour(HUE[kind]))):
            outline = np.concatenate([corners, corners[:, :1], np.full((len(corners), 1, 2), np.nan)], 1)[inside == chosen]
            traces.append(dict(type="scatter", x=style.array(outline[..., 0].ravel()), y=style.array(outline[..., 1].ravel()), mode="lines",
                                     fill="toself", fillcolor=fill, hoverinfo="skip",
                                     line=dict(color=style.colour("axis") if not chosen else style.PAPER, width=1)))
    m = scene.batch_size
    count = {"batch": m * 16, "layer": 8 * 16, "group": 8 // scene.groups * 16, "instance": 16}
    centres = [i * step + (N + C * SLANT[0]) / 2 for i in range(4)]
    traces.append(dict(type="scatter", x=style.array(centres), y=style.array([-0.75] * 4), mode="text", textposition="bottom center",
                             text=[f"<b>{NAMES[k]}</b><br>{count[k]} values" for k in KINDS[1:]],
                             hovertemplate="%{text}<extra></extra>"))
    out = style.figure(traces, showlegend=False)
    out.update_xaxes(visible=False, range=[-1.4, 3 * step + N + C * SLANT[0] + 1.4])
    out.update_yaxes(visible=False, range=[-3.2, P + C * SLANT[1] + 0.3], scaleanchor="x")
    return out


def layers(result: Result, scene: Config, what: str) -> go.Figure:
    """Mean or spread of what enters each layer's ReLU through training, without norm and with the kind looked into."""
    arm = result.arms[0]
    values = getattr(arm, what).numpy()
    steps = arm.recorded.numpy()
    traces: list[object] = []
    L = values.shape[1]
    for kind in ("none", scene.inside):
        k = row(scene, kind, scene.learning_rate)
        for layer in range(L):
            y = values[:, layer, k]
            traces.append(dict(type="scatter",
                x=style.array(steps), y=style.array(y), mode="lines", showlegend=False,
                line=dict(color=style.colour(HUE[kind], 0.4 + 0.6 * (layer + 1) / L if layer < L - 1 else 1),
                          width=1.2 + 0.6 * layer, dash="solid" if layer else "dot"),
                hovertemplate=f"{NAMES[kind]}, layer {layer + 1}, step %{{x}}: %{{y:.3g}}<extra></extra>"))
    title = {"mean": "mean before ReLU", "spread": "spread before ReLU"}[what]
    out = style.figure(traces, x="step", y=title, xaxis_range=[0, scene.steps])
    if what == "spread":
        out.update_yaxes(type="log")
        return out
    # Beside a net that explodes nothing else could be seen; its lines go on outside the frame.
    normed = values[:, :, row(scene, scene.inside, scene.learning_rate)]
    bare = values[:, :, row(scene, "none", scene.learning_rate)]
    limit = max(10.0, 1.2 * float(np.nanmax(np.abs(normed), initial=0.0)))
    if np.nanmax(np.abs(bare), initial=0.0) > limit:
        out.update_yaxes(range=[-limit, limit])
    return out


def running(facts: Judged, scene: Config, which: int) -> go.Figure:
    """One statistic of a channel: each batch's, their running average, and how that is expected to catch up when
    the weights stand still."""
    batch, average, settled = facts.batch_stat[which].numpy(), facts.running_stat[which].numpy(), float(facts.settled[which])
    stop, end = scene.steps, len(batch)
    name = ("mean", "variance")[which]
    traces: list[object] = [
        dict(type="scatter", x=style.array(np.arange(1, end + 1)), y=style.array(batch), mode="markers",
                   marker=dict(size=4, color=style.colour("norm_batch", 0.45)),
                   hovertemplate=f"batch {name}: %{{y:.3g}}<extra></extra>"),
        dict(type="scatter", x=style.array(np.arange(end + 1)), y=style.array(average), mode="lines",
                   line=dict(color=style.colour("norm_batch"), width=2.8),
                   hovertemplate=f"running {name}: %{{y:.3g}}<extra></extra>"),
    ]
    if end > stop:
        t = np.arange(end - stop + 1)
        formula = settled + (average[stop] - settled) * (1 - scene.momentum) ** t
        traces.append(style.theory(stop + t, formula, "s + (r − s)(1 − momentum)ᵗ"))
    return style.figure(traces, x="batches seen", y=f"{name} of a channel", showlegend=False, xaxis_range=[0, 2 * stop],
                        shapes=[_upright(stop)])


def modes(facts: Judged) -> go.Figure:
    """The probability of the true class for the same images in eval mode and in batches of m."""
    x = np.repeat(facts.sure_eval.numpy()[None], len(facts.sure_train), 0).ravel()
    traces = [
        dict(type="scatter", x=style.array(x), y=style.array(facts.sure_train.numpy().ravel()), mode="markers",
                   marker=dict(size=4, color=style.colour("norm_batch", 0.35)),
                   hovertemplate="eval mode %{x:.2f}, in a batch %{y:.2f}<extra></extra>"),
        style.theory([0, 1], [0, 1], "the same in both modes"),
    ]
    return style.figure(traces, x="P(true class), eval mode", y="P(true class), train mode", showlegend=False,
                        xaxis_range=[-0.02, 1.02], yaxis_range=[-0.02, 1.02])


def channel(facts: Judged) -> go.Figure:
    """Histograms of one channel of the trained net, before and after each line of Algorithm 1."""
    lines = algorithm_1(facts.values.double())
    stages = [(name, getattr(lines, part).numpy()) for name, part in
              (("z", "x"), ("z − μ", "centred"), ("ẑ", "xhat"))]
    stages.append(("γ ẑ + β", facts.scale_shift[0] * stages[2][1] + facts.scale_shift[1]))
    every = np.concatenate([v for _, v in stages])
    edges = np.linspace(every.min(), every.max() + 1e-9, 49)
    mids = (edges[:-1] + edges[1:]) / 2
    traces, names = [], []
    for i, (name, values) in enumerate(stages):
        level = 3 - i
        height = np.histogram(values, edges)[0]
        y = level + 0.85 * height / height.max()
        hue = "norm_none" if i < 2 else "norm_batch"
        traces += [dict(type="scatter", x=style.array(edges[[0, -1]]), y=[level, level], mode="lines", hoverinfo="skip",
                              line=dict(color=style.colour("axis"), width=1)),
                   dict(type="scatter", x=style.array(mids), y=style.array(y), mode="lines", fill="tonexty", customdata=height,
                              fillcolor=style.colour(hue, 0.35), line=dict(color=style.colour(hue), width=1.6, shape="hvh"),
                              hovertemplate=f"{name} near %{{x:.3g}}: %{{customdata}} values<extra></extra>")]
        names.append(f"<b>{name}</b>  {_round(values.mean())} ± {_round(values.std())}")
    out = style.figure(traces, x="value", y="stage", showlegend=False)
    out.update_yaxes(tickvals=[3, 2, 1, 0], ticktext=names, ticks="", showline=False, range=[-0.05, 4])
    return out
