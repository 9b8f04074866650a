"""Pictures of mean_teacher: boundaries on two moons; scores, pairs of seeds, and what the teacher is made of for all data."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.mean_teacher.lesson import FRAME, NETS, SEEDS, Config, PlaneResult, Result
from core.lessons.mean_teacher.teacher import ramp, shares, warmed_decay
from core.lessons.mean_teacher.words import NAMES
from figures import style

HUES = {"alone": "erm", "student": "student", "teacher": "teacher"}
CLASSES = ("class_a", "class_b")


def legend() -> list[tuple[str, str, str]]:
    return [(NAMES[net], style.colour(HUES[net]), "solid") for net in NETS]


def labels(result: Result) -> list[str]:
    return [f"update {step}" for step in result.recorded.tolist()]


def _frame() -> dict[str, Any]:
    return dict(x="x₁", y="x₂", equal=True, xaxis_range=list(FRAME[0]), yaxis_range=list(FRAME[1]), showlegend=False)


def _points(result: PlaneResult) -> list[style.Trace]:
    """The unlabelled points of the first seed, and the labelled ones as they are given; a cross marks a wrong label."""
    u, x = style.array(result.data.unlabelled[0]), style.array(result.data.labelled[0])
    given, true = (v[0, 0].long().numpy() for v in (result.data.given, result.data.true))
    small = dict(type="scatter", x=u[0], y=u[1], mode="markers", marker=dict(color=style.MUTED, size=4, opacity=0.5),
                 hovertemplate="unlabelled (%{x:.2f}, %{y:.2f})<extra></extra>")
    said = [f"labelled {'AB'[g]}{', truly ' + 'AB'[t] if g != t else ''}" for g, t in zip(given, true, strict=True)]
    large = dict(type="scatter", x=x[0], y=x[1], mode="markers", text=said,
                 marker=dict(color=[style.colour(CLASSES[g]) for g in given], size=12, line=dict(color=style.PAPER, width=1.5),
                             symbol=["x" if g != t else ("circle", "square")[g] for g, t in zip(given, true, strict=True)]),
                 hovertemplate="%{text} (%{x:.2f}, %{y:.2f})<extra></extra>")
    return [small, large]


def setup(result: PlaneResult) -> go.Figure:
    """What the nets are given: the points, a few of them with labels."""
    return style.figure(_points(result), **_frame())


def boundaries(result: PlaneResult) -> go.Figure:
    """Where each of the first seed's nets says one half, at every look."""
    x, y = style.array(result.x), style.array(result.y)
    traces = _points(result)[:1]
    for k, net in enumerate(NETS):
        z = style.array(result.surface[:, k].float() / 255)
        edge = dict(type="contour", x=x, y=y, z=z[-1], showscale=False, hoverinfo="skip", name=NAMES[net],
                    line=dict(color=style.colour(HUES[net]), width=4 - k * 0.5, smoothing=1),
                    contours=dict(start=0.5, end=0.5, size=1, coloring="none", showlines=True))
        traces.append(style.frames(edge, z=z))
    return style.figure([*traces, _points(result)[1]], **_frame())


def _line(x: Any, y: Any, net: str, said: str) -> style.Trace:
    return dict(type="scatter", x=style.array(x), y=style.array(y), mode="lines", name=NAMES[net],
                line=dict(color=style.colour(HUES[net]), width=2.8), hovertemplate=f"{NAMES[net]}, {said}<extra></extra>")


def _with_band(x: Any, values: Any, net: str, said: str) -> list[style.Trace]:
    """Mean over the seeds with a band over all of them; values [points, S]."""
    values = style.array(values)
    return [style.band(x, values.min(1), values.max(1), NAMES[net], HUES[net]), _line(x, values.mean(1), net, said)]


def _scale(result: Result) -> tuple[str, float, str]:
    """What a score is called on an axis, its factor, and how a pointer is told it."""
    return ("right (%)", 100.0, "%{y:.1f}\u00a0%") if isinstance(result, PlaneResult) else ("Dice", 1.0, "Dice %{y:.3f}")


def scores(result: Result, scene: Config) -> go.Figure:
    """The score on what no net has seen, over training."""
    name, factor, said = _scale(result)
    bands, lines = zip(*(_with_band(result.recorded, factor * result.score[:, k], net, f"update %{{x}}: {said}")
                         for k, net in enumerate(NETS)), strict=True)
    traces = [bands[0], bands[2], *lines]  # the student's band lies on the teacher's; no line lies under a band
    early = 2 if factor == 100 else 1
    low = 100 * float(result.score[min(early, len(result.score) - 1):].min())
    return style.figure(traces, x="update", y=name, xaxis_range=[0, scene.updates], showlegend=False,
                        yaxis_range=[min(max(0, low - 4), 90) * factor / 100, 1.01 * factor])


def pairs(result: Result) -> go.Figure:
    """Each seed's net alone and its teacher, joined by a line."""
    name, factor, said = _scale(result)
    right, seeds = factor * style.array(result.score[-1]), np.arange(SEEDS) + 1
    joined = np.stack([right[0], right[2], np.full(SEEDS, np.nan)], 1).ravel()
    traces: list[style.Trace] = [dict(type="scatter", x=style.array(np.repeat(seeds, 3)), y=style.array(joined), mode="lines",
                                      line=dict(color=style.COLOURS["axis"][0], width=3), hoverinfo="skip")]
    for k, net in ((0, "alone"), (2, "teacher")):
        traces.append(dict(type="scatter", x=seeds, y=right[k], mode="markers", name=NAMES[net],
                           marker=dict(color=style.colour(HUES[net]), size=13, line=dict(color=style.PAPER, width=1.5)),
                           hovertemplate=f"pair %{{x}}, {NAMES[net]}: {said}<extra></extra>"))
    low, high = float(right[[0, 2]].min()), float(right[[0, 2]].max())
    return style.figure(traces, x="pair of seeds", y=name, xaxis_range=[0.5, SEEDS + 0.5], xaxis_dtick=1, showlegend=False,
                        yaxis_range=[max(-0.03 * factor, low - 0.04 * factor), min(1.02 * factor, high + 0.03 * factor)])


def confirmed(result: Result, scene: Config) -> go.Figure:
    """Errors that student and teacher agree on, beside those of the net alone."""
    bands, lines = zip(
        _with_band(result.recorded, 100 * result.mistaken, "alone", "update %{x}: wrong on %{y:.1f}\u00a0%"),
        _with_band(result.recorded, 100 * result.confirmed, "teacher", "update %{x}: agreed and wrong %{y:.1f}\u00a0%"),
        strict=True)
    traces = [*bands, *lines]
    early = slice(None) if isinstance(result, PlaneResult) else slice(min(1, len(result.recorded) - 1), None)
    top = 100 * float(max(result.mistaken[early].max(), result.confirmed[early].max()))
    things = "points" if isinstance(result, PlaneResult) else "pixels"
    return style.figure(traces, x="update", y=f"of the unlabelled {things} (%)", xaxis_range=[0, scene.updates],
                        yaxis_range=[0, top + 3], showlegend=False)


def schedules(scene: Config) -> go.Figure:
    """The decay and the consistency weight over training, each as a part of one."""
    t = np.arange(scene.updates)
    decay = _line(t + 1, [warmed_decay(k + 1, scene.decay) for k in t], "teacher", "update %{x}: decay %{y:.4f}")
    weight = _line(t + 1, [ramp(int(k), scene.ramp) for k in t], "student", "update %{x}: %{y:.3f} of the full weight")
    weight["line"]["dash"] = "dot"
    return style.figure([decay, weight], x="update", y="part of one", xaxis_range=[0, scene.updates], yaxis_range=[-0.03, 1.05],
                        showlegend=False, annotations=[])


def memory(scene: Config) -> go.Figure:
    """How much each update's student counts in the teacher at the end, with the exponential that the decay alone would give."""
    share = shares(scene.updates, scene.decay).numpy()
    t = np.arange(scene.updates + 1)
    traces = [_line(t, 100 * share, "teacher", "student of update %{x}: %{y:.3g}\u00a0%")]
    if scene.decay > 0:
        with np.errstate(under="ignore"):
            traces.append(style.theory(t, 100 * (1 - scene.decay) * scene.decay ** (scene.updates - t), "(1 − a) a^(T − t) in %"))
    return style.figure(traces, x="update of the student", y="part of the teacher (%)", xaxis_range=[0, scene.updates * 1.01],
                        yaxis_range=[0, 110 * float(share.max())], showlegend=False)


def views(result: PlaneResult) -> go.Figure:
    """The unlabelled points as the student and as the teacher are shown them, once."""
    student, teacher = (style.array(view) for view in result.views)
    n = student.shape[1]
    joined = np.stack([student, teacher, np.full_like(student, np.nan)], 2).reshape(2, 3 * n)
    traces: list[style.Trace] = [dict(type="scatter", x=joined[0], y=joined[1], mode="lines", hoverinfo="skip",
                                      line=dict(color=style.COLOURS["axis"][0], width=1))]
    for view, net in ((student, "student"), (teacher, "teacher")):
        traces.append(dict(type="scatter", x=view[0], y=view[1], mode="markers", name=NAMES[net],
                           marker=dict(color=style.colour(HUES[net]), size=5),
                           hovertemplate=f"shown to the {NAMES[net].lower()}: (%{{x:.2f}}, %{{y:.2f}})<extra></extra>"))
    return style.figure(traces, **_frame())


def _averaged(values: np.ndarray, width: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Means over `width` updates, and where they lie; values [T, S] to [T/width, S]."""
    whole = len(values) // width * width
    return (np.arange(whole // width) + 0.5) * width, values[:whole].reshape(-1, width, values.shape[1]).mean(1)


def cost(result: Result, scene: Config) -> go.Figure:
    """What it costs to disagree with the teacher, without its weight."""
    x, values = _averaged(style.array(result.cost))
    traces = _with_band(x, values, "student", "update %{x}: %{y:.4f}") if len(x) else []
    return style.figure(traces, x="update", y="mean (p − p′)²", xaxis_range=[0, scene.updates], yaxis_rangemode="tozero",
                        showlegend=False)


def loss(result: Result, scene: Config) -> go.Figure:
    """The supervised loss of the net alone and of the student."""
    traces: list[style.Trace] = []
    for k, net in enumerate(("alone", "student")):
        x, values = _averaged(style.array(result.loss[:, k]))
        traces += _with_band(x, values, net, "update %{x}: %{y:.4f} nats") if len(x) else []
    return style.figure(traces, x="update", y="supervised loss (nats)", xaxis_range=[0, scene.updates], yaxis_rangemode="tozero",
                        showlegend=False)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Part of the test set that is right over training: the teacher above the net that learns alone."""
    right, at = result.score.mean(-1), result.recorded / scene.updates
    lines = [style.mark("line", at, right[:, k], HUES[NETS[k]], width=4) for k in (0, 2)]
    return style.thumbnail(*lines, x=(0, 1), y=(float(right.min()) - 0.02, 1))
