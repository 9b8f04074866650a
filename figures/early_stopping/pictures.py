"""Pictures of stopping in time: curves with the stop on them, fits, noise and regularisers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_percent
from core.lessons.early_stopping import lesson
from core.lessons.early_stopping.lesson import ARMS, SPLITS, Config, Result, best_of, returned_of, stop_of
from core.lessons.early_stopping.patience import Stop, argmin_skipping_nan, returned_evaluation, stop_rule
from core.lessons.early_stopping.words import SHORT
from core.uploads import frame
from figures import ends, style
from figures.wire import rounded

DASH = {"train": "solid", "validation": "longdash", "test": "dot"}
NAMES = {"train": "training", "validation": "validation", "test": "test"}
IN_TITLE = {"none": "no regulariser", "l2": "L2 penalty", "dropout": "dropout", "both": "L2 and dropout"}
HUE = {"none": "erm", "l2": "l2", "dropout": "mc_dropout", "both": "mc_dropout"}
ARM_DASH = {"none": "solid", "l2": "longdash", "dropout": "solid", "both": "dot"}
MARGIN = 0.25  # around the samples beside the question
FRAME = {"two_moons": ((-2.3, 3.3), (-1.4, 1.9)), "circles": ((-2.9, 2.9), (-1.7, 1.7))}


def legend(scene: Config) -> list[tuple[str, str, str]]:
    out = [("training", style.colour("train"), "solid"), ("validation, decides", style.colour("validation"), "longdash"),
           ("test", style.colour("test"), "dot")]
    if scene.label_noise:
        out.append(("lowest expected on new data", style.INK, "dash"))
    if scene.arm in ("l2", "both"):
        out.append(("training + Ω", style.colour("l2"), "dashdot"))
    return out + [(name, style.colour(HUE[arm]), ARM_DASH[arm]) for arm, name in IN_TITLE.items()]


def _every(result: Result) -> list[int]:
    return list(range(1, len(result.recorded) + 1))


def _values(result: Result, measure: str, split: str, arm: str) -> np.ndarray:
    values = (result.loss if measure == "loss" else result.error)[split][:, list(ARMS).index(arm), 0]
    return style.array(values if measure == "loss" else 100 * values)


def top_of(result: Result, measure: str, more: np.ndarray | None = None) -> float:
    """The top of an axis that holds the curves of draw 0 of every arm, and more, in steps of 0.1 nats or 10 %."""
    source = result.loss if measure == "loss" else result.error
    values = np.concatenate([style.array(source[split][:, :, 0]).ravel() for split in SPLITS])
    values = values if more is None else np.append(values, more)
    finite = values[np.isfinite(values)]
    if measure == "error":
        return max(60.0, np.ceil(10 * float(finite.max())) * 10)
    return max(0.8, np.ceil(10.8 * float(finite.max())) / 10) if finite.size else 0.8


def _marks(result: Result, scene: Config, arm: str, measure: str, top: float, words: bool) -> list[style.Trace]:
    """Where the rule waits and stops, which weights it keeps, and where the curve was lowest; each appears in its turn."""
    at, y = result.recorded.numpy(), _values(result, measure, "validation", arm)
    stop, back, best = stop_of(result, scene, arm), returned_of(result, scene, arm), best_of(result, scene, arm)
    frames = range(len(at))
    out: list[style.Trace] = []
    if stop.stopped is not None:
        s, k = at[stop.stopped], at[stop.kept]
        reached = [f >= stop.stopped for f in frames]
        waiting = dict(type="scatter", x=[k, k, s, s, k], y=[0, top, top, 0, 0], mode="lines", fill="toself", line=dict(width=0),
                       hoverinfo="skip", fillcolor=style.colour("validation", 0.13), showlegend=False)
        end = dict(type="scatter", x=[s, s], y=[0, top], mode="lines", showlegend=False,
                   line=dict(color=style.colour("warning"), width=2),
                   hovertemplate=f"patience runs out at step {s}<extra></extra>")
        out += [style.grow(waiting, [5 * r for r in reached]), style.grow(end, [2 * r for r in reached])]
    places = sorted({best: "star", back: "star" if back == best else "circle-open"}.items())
    index = [i for i, _ in places]
    points = dict(type="scatter", x=at[index], y=y[index], mode="markers", showlegend=False, cliponaxis=False,
                  text=["weights kept" if i == back else "lowest of the whole run" for i in index],
                  marker=dict(symbol=[symbol for _, symbol in places], size=17 if words else 12, color=style.INK,
                              line=dict(width=[1.5 if i == best else 2.5 for i in index],
                                        color=[style.PAPER if i == best else style.INK for i in index])),
                  hovertemplate="%{text}, step %{x}: %{y:.3g}<extra></extra>")
    out.append(style.grow(points, [sum(i <= f for i in index) for f in frames]))
    if words:
        out.append(_words(at, stop, back, best, top, result.done, scene.monitor))
    return out


def _words(at: np.ndarray, stop: Stop, back: int, best: int, top: float, done: bool, monitor: str) -> style.Trace:
    """What the rule did, written beside the stop once it is reached, or at the end if there is none."""
    last = len(at) - 1
    end = last if stop.stopped is None else stop.stopped
    never = "never stops" if done else "still waiting"
    lines = [("warning", never if stop.stopped is None else f"stops at step {at[end]}"),
             ("ink", f"★ best weights: step {at[back]}" if back == best else f"○ weights kept: step {at[back]}")]
    if best != back:
        lines.append(("ink", f"★ lowest {'loss' if monitor == 'loss' else 'error'}: step {at[best]}"))
    left = end > 0.6 * last
    words = dict(type="scatter", x=[at[end]] * len(lines), y=[top * (0.95 - 0.08 * i) for i in range(len(lines))], mode="text",
                 text=[f"{text}  " if left else f"  {text}" for _, text in lines], showlegend=False, hoverinfo="skip",
                 textposition="middle left" if left else "middle right",
                 textfont=dict(color=[style.colour(hue) for hue, _ in lines]))
    return style.grow(words, [len(lines) * (f >= end) for f in range(last + 1)])


def curves(result: Result, scene: Config, measure: str, arm: str = "", small: bool = False) -> go.Figure:
    """Training, validation and test of draw 0 against steps, growing, with the stop on them; measure is loss or error."""
    arm = arm or scene.arm
    unit = "nats" if measure == "loss" else "%"
    at = result.recorded.numpy()
    penalised = None
    if measure == "loss" and arm in ("l2", "both") and not small:
        penalised = _values(result, "loss", "train", arm) + style.array(result.penalty[:, list(ARMS).index(arm), 0])
    top = top_of(result, measure, penalised)
    floor = lesson.noise_floor(scene)[measure == "error"] * (1 if measure == "loss" else 100)
    traces: list[style.Trace] = []
    if floor > 0:
        said = f"no classifier expects less than %{{y:.3g}} {unit}<extra></extra>"
        traces.append(style.theory([0, result.steps], [floor, floor], "floor", hovertemplate=said, showlegend=False))
    for split in SPLITS:
        line = dict(type="scatter", x=at, y=_values(result, measure, split, arm), mode="lines", showlegend=False,
                    line=dict(color=style.colour(split), width=2 if small else 2.8, dash=DASH[split]),
                    hovertemplate=f"{NAMES[split]}, step %{{x}}: %{{y:.3g}} {unit}<extra></extra>")
        traces.append(style.grow(line, _every(result)))
    if penalised is not None:
        line = dict(type="scatter", x=at, y=penalised, mode="lines", showlegend=False,
                    line=dict(color=style.colour("l2"), width=2, dash="dashdot"),
                    hovertemplate="training + Ω: %{y:.3g} nats<extra></extra>")
        traces.append(style.grow(line, _every(result)))
    traces += _marks(result, scene, arm, measure, top, words=measure == "loss" and not small)
    y = "error (%)" if measure == "error" else "loss (nats)" if small else "cross-entropy (nats)"
    return style.figure(traces, x="step", y=y, showlegend=False, xaxis=dict(range=[0, 1.02 * result.steps]),
                        yaxis=dict(range=[0, top]))


def _samples(result: Result) -> style.Trace:
    """The training set as labelled; wrong labels wear a heavy ring."""
    classes, wrong = result.y.numpy(), result.wrong.numpy()
    hue = [style.colour("class_b" if c else "class_a") for c in classes]
    edge = dict(width=np.where(wrong, 2.2, 0.8), color=[style.INK if w else style.PAPER for w in wrong])
    return dict(type="scatter", x=style.array(result.x[0]), y=style.array(result.x[1]), mode="markers", showlegend=False,
                text=[f"class {'AB'[c]}{', wrong label' if w else ''}" for c, w in zip(classes, wrong, strict=True)],
                marker=dict(color=hue, symbol=["square" if c else "circle" for c in classes], line=edge,
                            size=np.where(wrong, 9, 7)),
                hovertemplate="%{text}<extra></extra>")


def _frame(result: Result, scene: Config) -> tuple[tuple[float, float], tuple[float, float]]:
    return frame(result.own) if result.own else FRAME[scene.problem]


def _plane(traces: list[style.Trace], result: Result, scene: Config) -> go.Figure:
    return _on_one_scale(traces, scene, *_frame(result, scene))


def _on_one_scale(traces: list[style.Trace], scene: Config, across: Sequence[float], up: Sequence[float]) -> go.Figure:
    return style.figure(traces, x="x₁", y="x₂", uirevision=scene.points or scene.problem, xaxis_range=list(across),
                        yaxis_range=list(up), xaxis_showgrid=False, yaxis_showgrid=False, equal=True)


def setup(result: Result, scene: Config) -> go.Figure:
    """What the net is trained on: the samples of draw 0 with the labels as given."""
    low, high = (result.x.amin(1) - MARGIN).tolist(), (result.x.amax(1) + MARGIN).tolist()
    return _on_one_scale([_samples(result)], scene, *zip(low, high, strict=True))


def fits(result: Result, scene: Config, still: Sequence[int] = ()) -> list[go.Figure]:
    """P(class B) over the plane with the training set: one picture that moves with the clock, and one for each of the
    evaluations `still`."""
    (x0, x1), (y0, y1) = _frame(result, scene)
    x, y = torch.linspace(x0, x1, 45), torch.linspace(y0, y1, 27)
    # To four decimals, of which hover shows two: the largest picture of the page travels in half the bytes.
    z = rounded(style.array(lesson.probability(result.mlp, result.theta[:, list(ARMS).index(scene.arm)], x, y)), bits=13)
    samples = _samples(result)

    def picture(at: int, moving: bool = False) -> go.Figure:
        surface = dict(type="contour", x=style.array(x), y=style.array(y), z=z[at], zmin=0, zmax=1, opacity=0.9, showscale=False,
                       colorscale=style.PROBABILITY, contours=dict(coloring="heatmap", start=0.5, end=0.5, size=1),
                       line=dict(color=style.INK, width=2), hovertemplate="P(class B) %{z:.0%}<extra></extra>")
        traces = [style.frames(surface, z=z) if moving else surface, samples]
        return _plane(traces, result, scene)

    return [picture(-1, moving=True), *(picture(i) for i in still)]


def _above(values: np.ndarray) -> float:
    """The top of an axis from 0 that stays put while lines grow on it."""
    finite = values[np.isfinite(values)]
    return 1.06 * float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def noise_curves(result: Result, scene: Config) -> go.Figure:
    """Validation of the plain arm, mean over draws, a line a noise level, the lowest point of each marked."""
    values = result.noise_loss if scene.monitor == "loss" else 100 * result.noise_error
    mean = style.array(values.mean(2))
    at = result.recorded.numpy()
    best = argmin_skipping_nan(values.mean(2)).numpy()
    traces: list[style.Trace] = []
    names = []
    for i, level in enumerate(result.levels):
        now = level == scene.label_noise
        line = dict(type="scatter", x=at, y=mean[:, i], mode="lines", showlegend=False,
                    line=dict(color=style.colour("validation", 1 if now else 0.55), width=3 if now else 2),
                    hovertemplate=f"{format_percent(level / 100)} wrong, step %{{x}}: %{{y:.3g}}<extra></extra>")
        traces.append(style.grow(line, _every(result)))
        if np.isfinite(mean[-1, i]):
            names.append((format_percent(level / 100), float(mean[-1, i]), "validation"))
    order = np.argsort(best, kind="stable")
    marks = dict(type="scatter", x=at[best][order], y=mean[best, np.arange(len(best))][order], mode="markers", showlegend=False,
                 marker=dict(symbol="star", size=14, color=style.INK, line=dict(color=style.PAPER, width=1)),
                 text=[f"{format_percent(result.levels[i] / 100)} wrong" for i in order],
                 hovertemplate="%{text}: lowest at step %{x}<extra></extra>")
    traces.append(style.grow(marks, [int((best <= f).sum()) for f in range(len(at))]))
    y = "cross-entropy (nats)" if scene.monitor == "loss" else "error (%)"
    notes = ends.labels(float(at[-1]), names, 0, _above(mean))
    return style.figure(traces, x="step", y=y, xaxis=dict(range=[0, 1.1 * result.steps]), yaxis=dict(range=[0, _above(mean)]),
                        annotations=notes)


def best_steps(result: Result, scene: Config) -> go.Figure:
    """The best step of every draw against the noise, with the median of each level."""
    steps = lesson.best_steps(result, scene)
    levels = np.array(result.levels)
    S = steps.shape[1]
    spread = np.linspace(-1.2, 1.2, S) if S > 1 else np.zeros(1)
    dots = dict(type="scatter", x=style.array(steps.flatten()), y=style.array((levels[:, None] + spread).ravel()), mode="markers",
                showlegend=False, marker=dict(size=8, color=style.colour("validation", 0.55)),
                text=[f"{format_percent(v / 100)} wrong, draw {s}" for v in levels for s in range(S)],
                hovertemplate="%{text}: best at step %{x}<extra></extra>")
    median = style.array(steps.double().quantile(0.5, dim=1))
    line = dict(type="scatter", x=median, y=levels, mode="lines+markers", showlegend=False,
                line=dict(color=style.colour("validation"), width=2.5),
                marker=dict(symbol="line-ns", size=20, line=dict(color=style.colour("validation"), width=3)),
                hovertemplate="%{y}\u00a0% wrong: median step %{x:g}<extra></extra>")
    reach = max(int(steps.max()), result.steps // 10)
    now = median[result.levels.index(scene.label_noise)]
    here = dict(type="scatter", x=[now], y=[scene.label_noise], mode="markers", hoverinfo="skip", showlegend=False,
                marker=dict(symbol="circle-open", size=20, color=style.INK, line=dict(width=2)))
    return style.figure([dots, line, here], x="best step", y="wrong labels (%)",
                        xaxis=dict(range=[-0.05 * reach, 1.05 * reach]),
                        yaxis=dict(range=[-3, 43], tickvals=list(range(0, 41, 10))))


def returned(result: Result, scene: Config) -> go.Figure:
    """Test cross-entropy at the end and of the weights kept, for every regulariser; mean over draws, with a line a draw."""
    values = lesson.monitored(result, scene)
    test = result.loss["test"].numpy()
    A, S = test.shape[1:]
    back = np.array([[returned_evaluation(stop_rule(values[:, a, s], scene.patience, scene.min_delta), len(values),
                                         scene.restore) for s in range(S)] for a in range(A)])
    given = test[back, np.arange(A)[:, None], np.arange(S)]
    end = test[-1]
    y = np.arange(A)
    rows = y[:, None] + np.linspace(-0.22, 0.22, S)
    gap = np.full_like(end, np.nan)
    threads = (style.array(np.stack([*ends, gap], -1).ravel()) for ends in ((end, given), (rows, rows)))
    traces: list[style.Trace] = [dict(zip("xy", threads, strict=True), type="scatter", mode="lines", hoverinfo="skip",
                                      showlegend=False, line=dict(color=style.colour("test", 0.45), width=1.2))]
    for name, at, symbol in (("at the end", end, "circle-open"), ("with stopping", given, "circle")):
        marker = dict(symbol=symbol, size=13, color=style.colour("test"), line=dict(width=2.4, color=style.colour("test")))
        traces.append(dict(type="scatter", x=style.array(at.mean(1)), y=y, mode="markers", marker=marker, showlegend=False,
                           text=list(ARMS.values()), hovertemplate=f"%{{text}}, {name}: %{{x:.3f}} nats<extra></extra>"))
    return style.figure(traces, x="test loss (nats)", xaxis=dict(rangemode="tozero"),
                        yaxis=dict(tickvals=y, ticktext=list(SHORT.values()), range=[A - 0.5, -0.5]))


def gap(result: Result, scene: Config) -> go.Figure:
    """Test minus training cross-entropy of the arm: mean over draws and one standard deviation either side."""
    a = list(ARMS).index(scene.arm)
    gaps = result.loss["test"][:, a] - result.loss["train"][:, a]
    at, mean, spread = result.recorded.numpy(), style.array(gaps.mean(1)), style.array(gaps.std(1))
    line = dict(type="scatter", x=at, y=mean, mode="lines", showlegend=False, line=dict(color=style.colour("test"), width=2.6),
                hovertemplate="step %{x}: %{y:.3g} nats<extra></extra>")
    return style.figure([style.band(at, mean - spread, mean + spread, "one standard deviation", "test"),
                         style.grow(line, _every(result))],
                        x="step", y="test − training (nats)", xaxis=dict(range=[0, 1.02 * result.steps]),
                        yaxis=dict(rangemode="tozero"))


def norms(result: Result, scene: Config) -> go.Figure:
    """Length of the weight vector through training, draw 0, every regulariser."""
    traces: list[style.Trace] = []
    for a, arm in enumerate(ARMS):
        line = dict(type="scatter", x=result.recorded.numpy(), y=style.array(result.norm[:, a, 0]), mode="lines",
                    line=dict(color=style.colour(HUE[arm]), width=3 if arm == scene.arm else 2, dash=ARM_DASH[arm]),
                    hovertemplate=f"{ARMS[arm]}, step %{{x}}: ‖w‖ %{{y:.3g}}<extra></extra>")
        traces.append(style.grow(line, _every(result)))
    top = _above(result.norm[:, :, 0].numpy())
    return style.figure(traces, x="step", y="‖w‖", showlegend=False, xaxis=dict(range=[0, 1.02 * result.steps]),
                        yaxis=dict(range=[0, top]))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Training falls, validation turns, and the best net lies on the way."""
    at = result.recorded.numpy()
    train, validation = (_values(result, "loss", split, scene.arm) for split in ("train", "validation"))
    best = int(argmin_skipping_nan(result.loss["validation"][:, list(ARMS).index(scene.arm), 0]))
    low, high = 0.0, 1.05 * float(np.nanmax(validation))
    return style.thumbnail(
        style.mark("area", [at[best], at[-1]], [high, high], "validation", alpha=0.13),
        style.mark("line", at, train, "train", width=3), style.mark("line", at, validation, "validation", width=3),
        style.mark("line", [at[best]] * 2, [low, validation[best]], "ink", width=1.5, dash="4 3"),
        style.mark("dots", [at[best]], [validation[best]], "ink", width=11),
        x=(0, float(at[-1])), y=(low, high))
