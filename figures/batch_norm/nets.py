"""Pictures of the nets with five kinds of norm: learning rates, batch sizes, layers, running statistics, two modes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import torch

from core.engine.block_norm import KINDS
from core.lessons.batch_norm.lesson import BATCH_SIZES, COMPARED, NAMES, Config, Result, row, trained_starts
from core.lessons.batch_norm.modes import FROM_STEPS, Evaluation, at_best_rate
from core.lessons.batch_norm.normalisation import algorithm_1
from core.lessons.batch_norm.race import RATES
from core.lessons.batch_norm.words import mean_text, spread_text
from core.moments import NEVER
from figures import style
from figures.batch_norm.pictures import HUE, MARK

LOSS_TICKS = [v * 10.0**e for e in range(-3, 6) for v in (1, 2, 5)]
LOSS_AXIS = dict(type="log", tickvals=LOSS_TICKS, ticktext=[f"{t:g}" for t in LOSS_TICKS])


def rates(result: Result, facts: Evaluation, scene: Config) -> go.Figure:
    """Training loss at the end against the learning rate, one line a kind, with the range over starts."""
    losses = facts.training.numpy()
    finite = losses[np.isfinite(losses)]
    crosses = bool((result.arm.diverged_at != NEVER).any())  # which stand on the upper edge
    # Never less than from 0.3 to guessing, so that the axis stays put while the nets train.
    low, top = (math.log10(f) for f in (min([0.3, *finite * 0.9]), max([2.6, *finite * (1.6 if crosses else 1.1)])))
    ends = [RATES[0] / 1.3, RATES[-1] * 1.3]
    lines = _lines(np.array(RATES), dict(zip(KINDS, losses, strict=True)), "ε")
    traces = [*lines, *_gone(result, scene, low, top), _guessing(ends)]
    return style.figure(
        traces, x="learning rate ε", y=f"training loss, last {min(FROM_STEPS, result.arm.step)} batches (nats)", showlegend=False,
        yaxis=dict(LOSS_AXIS, range=[low, top]),
        xaxis=dict(type="log", tickvals=list(RATES), ticktext=[f"{r:g}" for r in RATES], range=[math.log10(e) for e in ends]),
        shapes=[_upright(scene.learning_rate)])


def sizes(result: Result, facts: Evaluation) -> go.Figure:
    """Validation loss, in eval mode, against the batch size, each at the best of the learning rates."""
    x = np.array([arm.batch_size for arm in result.sizes])
    best, at = (v.numpy() for v in at_best_rate(facts.sizes))
    traces = _lines(x, {kind: best[:, i, None] for i, kind in enumerate(COMPARED)}, "m")
    for trace, rates in zip(traces, at.T, strict=True):
        trace |= dict(customdata=np.array(RATES)[rates].tolist(),
                      hovertemplate=f"{trace['name']}, m = %{{x}}: %{{y:.3f}} nats at ε = %{{customdata:g}}<extra></extra>")
    ends = [BATCH_SIZES[0] / 1.3, BATCH_SIZES[-1] * 1.3]
    return style.figure(
        [*traces, _guessing(ends)], x="batch size m", y="validation loss (nats)", showlegend=False, yaxis=LOSS_AXIS,
        xaxis=dict(type="log", tickvals=list(BATCH_SIZES), ticktext=[str(m) for m in BATCH_SIZES],
                   range=[math.log10(e) for e in ends]))


def _lines(x: np.ndarray, losses: Mapping[str, np.ndarray], symbol: str) -> list[style.Trace]:
    """For each kind the mean over starts of losses [n, starts] against x [n], and the range where there are several."""
    traces = []
    for kind, values in losses.items():
        mean = values.mean(-1)
        there = np.isfinite(mean)
        if values.shape[-1] > 1 and there.sum() > 1:
            inside = values[there]
            traces.append(style.band(x[there], inside.min(-1), inside.max(-1), NAMES[kind], HUE[kind]))
        traces.append(dict(type="scatter", x=style.array(x), y=style.array(mean), mode="lines+markers", name=NAMES[kind],
                           line=dict(color=style.colour(HUE[kind]), width=2.6),
                           marker=dict(symbol=MARK[kind], size=9, line=dict(color=style.PAPER, width=1)),
                           hovertemplate=f"{NAMES[kind]}, {symbol} = %{{x:g}}: %{{y:.3f}} nats<extra></extra>"))
    return traces


def _guessing(ends: list[float]) -> style.Trace:
    return style.theory(ends, [math.log(10)] * 2, "guessing, ln 10")


def _upright(x: float) -> dict[str, object]:
    """A dotted line over the whole height at x."""
    return dict(type="line", x0=x, x1=x, y0=0, y1=1, yref="paper", line=dict(color=style.INK, width=1.2, dash="dot"))


def _gone(result: Result, scene: Config, low: float, top: float) -> list[style.Trace]:
    """A mark on the upper edge for every kind and rate of which some start diverged."""
    arm, starts, found = result.arm, trained_starts(scene), []
    for i, kind in enumerate(KINDS):
        for rate in RATES:
            k = row(scene, kind, rate)
            at = arm.diverged_at[k : k + starts]
            at = at[at != NEVER]
            if len(at):
                said = f"{NAMES[kind]}, ε = {rate:g}: {len(at)} of {starts} diverged, first at step {int(at.min())}"
                found.append((rate, 10 ** (top - (0.06 + 0.06 * i) * (top - low)), style.colour(HUE[kind]), said))
    if not found:
        return []
    xs, ys, hues, texts = zip(*found, strict=True)
    side = "top right" if xs[0] == RATES[0] else "middle left"  # there is no room beyond the first rate
    return [dict(type="scatter", x=style.array(xs), y=style.array(ys), mode="markers+text", hovertext=texts,
                 text=["diverged", *[""] * (len(xs) - 1)], textposition=side, cliponaxis=False, textfont=dict(color=list(hues)),
                 marker=dict(symbol="x-thin-open", size=11, color=list(hues), line=dict(width=3)),
                 hovertemplate="%{hovertext}<extra></extra>")]


def layers(result: Result, scene: Config, what: str) -> go.Figure:
    """Mean or spread of what enters each layer's ReLU through training, without norm and with the kind looked into."""
    arm = result.arm
    values = getattr(arm, what).numpy()
    steps = arm.recorded.numpy()
    traces = []
    L = values.shape[1]
    for kind in ("none", scene.inside):
        k = row(scene, kind, scene.learning_rate)
        for layer in range(L):
            line = dict(color=style.colour(HUE[kind], 0.4 + 0.6 * (layer + 1) / L if layer < L - 1 else 1),
                        width=1.2 + 0.6 * layer, dash="solid" if layer else "dot")
            traces.append(dict(type="scatter", x=style.array(steps), y=style.array(values[:, layer, k]), mode="lines", line=line,
                               hovertemplate=f"{NAMES[kind]}, layer {layer + 1}, step %{{x}}: %{{y:.3g}}<extra></extra>"))
    axis: dict[str, object] = dict(type="log") if what == "spread" else {}
    if what == "mean" and (limit := mean_limit(result, scene)):
        axis = dict(range=[-limit, limit])
    return style.figure(traces, x="step", y=f"{what} before ReLU", showlegend=False, yaxis=axis,
                        xaxis=dict(range=[0, scene.steps]))


def mean_limit(result: Result, scene: Config) -> float:
    """Where the picture of the means is cut: beside a net that explodes nothing else could be seen. 0 where all is shown."""
    means = result.arm.mean.numpy()
    normed, bare = (float(np.nanmax(np.abs(means[:, :, row(scene, kind, scene.learning_rate)]), initial=0.0))
                    for kind in (scene.inside, "none"))
    limit = max(10.0, 1.2 * normed)
    return limit if bare > limit else 0.0


def running(facts: Evaluation, scene: Config, which: int) -> go.Figure:
    """One statistic of a channel: each batch's, their running average, and how that is expected to catch up when
    the weights stand still."""
    batch, average, settled = facts.batch_stat[which].numpy(), facts.running_stat[which].numpy(), float(facts.settled[which])
    stop, end = scene.steps, len(batch)
    name = ("mean", "variance")[which]
    traces: list[style.Trace] = [
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
    return style.figure(traces, x="batches seen", y=f"{name} of a channel", showlegend=False, xaxis=dict(range=[0, 2 * stop]),
                        shapes=[_upright(stop)])


def modes(facts: Evaluation) -> go.Figure:
    """The probability of the true class for the same images in eval mode and in batches of m."""
    x = np.repeat(facts.sure_eval.numpy()[None], len(facts.sure_train), 0).ravel()
    traces = [
        dict(type="scatter", x=style.array(x), y=style.array(facts.sure_train.numpy().ravel()), mode="markers",
             marker=dict(size=4, color=style.colour("norm_batch", 0.35)),
             hovertemplate="eval mode %{x:.2f}, in a batch %{y:.2f}<extra></extra>"),
        style.theory([0, 1], [0, 1], "the same in both modes"),
    ]
    return style.figure(traces, x="P(true class), eval mode", y="P(true class), train mode", showlegend=False,
                        xaxis=dict(range=[-0.02, 1.02]), yaxis=dict(range=[-0.02, 1.02]))


def channel(facts: Evaluation) -> go.Figure:
    """Histograms of one channel of the trained net, before and after each line of batch norm."""
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
        told = torch.from_numpy(values)
        names.append(f"<b>{name}</b>  {mean_text(told)} ± {spread_text(told)}")
    axis = dict(tickvals=[3, 2, 1, 0], ticktext=names, ticks="", showline=False, range=[-0.05, 4])
    pad = 0.02 * (edges[-1] - edges[0])
    return style.figure(traces, x="value", showlegend=False, yaxis=axis, xaxis=dict(range=[edges[0] - pad, edges[-1] + pad]))
