"""Pictures of multi_task: the map of transfer, its cuts, what the models find, and what they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.multi_task.lesson import NAMES, Config, Result, at, difference, edges, exact_edge, open_ranges
from core.lessons.multi_task.tasks import (
    DIMENSIONS,
    RELATEDNESS,
    SAMPLES,
    camps,
    joined_loss,
    parts,
    separate_loss,
    shared_loss,
)
from figures import style

HUES = {"separate": "tasks_apart", "none": "tasks_untold", "concatenate": "tasks_joined", "sum": "tasks_added",
        "gate": "tasks_gated", "heads": "tasks_headed"}
RIM = 1.125  # of the axis of relatedness, half a cell beyond identical and opposite tasks
LIMITS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)  # where the map's colours may end
SYMBOLS = {1.0: "circle", -1.0: "diamond"}
CAMPS = {1.0: "A", -1.0: "B"}
_TICKS = [m * 10.0**e for e in range(-5, 2) for m in (1, 2, 5)]
LOSS_AXIS: dict[str, Any] = dict(yaxis_type="log", yaxis_tickvals=_TICKS, yaxis_ticktext=[f"{v:.3g}" for v in _TICKS])


def legend(result: Result) -> list[tuple[str, str, str]]:
    return [(NAMES[name], style.colour(HUES[name]), "solid") for name in result.designs]


def _samples_axis() -> dict[str, Any]:
    return dict(type="log", tickvals=list(SAMPLES), ticktext=[str(n) for n in SAMPLES],
                range=[float(np.log10(SAMPLES[0] * 0.8)), float(np.log10(SAMPLES[-1] * 1.2))])


def transfer(result: Result, scene: Config) -> go.Figure:
    """Test loss of the compared design minus that of separate models, and where these seeds do not tell its sign.

    Linear tasks have an edge of negative transfer as well, measured and exact; a few seeds of nets place none.
    """
    gap = difference(result, scene.compared)
    z = style.array(gap.mean(-1).T)
    worse = style.array((gap > 0).sum(-1).T)
    seeds = gap.shape[-1]
    chance = float(gap.std(-1).mean()) / seeds**0.5  # what is no larger than its own error stays pale
    typical = max(float(np.quantile(np.abs(z), 0.7)), 2 * chance)
    limit = next((value for value in LIMITS if value >= typical), LIMITS[-1])
    ticks = [-limit, -limit / 2, 0, limit / 2, limit]
    words = [f"≤ −{limit:g}", f"−{limit / 2:g}", "0", f"{limit / 2:g}", f"≥ {limit:g}"]
    heat = dict(type="heatmap", x=style.array(RELATEDNESS), y=style.array(SAMPLES), z=z, zmin=-limit, zmax=limit,
                customdata=worse, colorscale=style.TRANSFER, showscale=True,
                colorbar=dict(orientation="h", y=1, yanchor="top", thickness=10, len=0.9, outlinewidth=0, xpad=0, ypad=0,
                              tickvals=ticks, ticktext=words),
                hovertemplate=f"ρ = %{{x}}, n = %{{y}}: %{{z:.3f}}, worse on %{{customdata}} of {seeds} seeds<extra></extra>")
    traces = [heat, _ranges(result, scene), *(_edges(result, scene) if scene.problem == "linear" else [])]
    r, m = at(scene)
    traces.append(dict(type="scatter", x=[RELATEDNESS[r]], y=[SAMPLES[m]], mode="markers", hoverinfo="skip",
                       marker=dict(symbol="circle-open", size=16, color=style.INK, line=dict(width=3))))
    axis = {**_samples_axis(), "domain": [0, 0.9], "showgrid": False}
    return style.figure(traces, x="relatedness ρ", y="samples of each task n", yaxis=axis,
                        xaxis_range=[-RIM, RIM], showlegend=False, xaxis_showgrid=False)


def _edges(result: Result, scene: Config) -> list[style.Trace]:
    """Where the compared linear model is as good as separate ones: in the mean over seeds, and by its closed form."""
    found = np.array(edges(result, scene.compared))
    found[~np.isfinite(found)] = np.nan  # beyond identical tasks
    measured = dict(type="scatter", x=style.array(found), y=style.array(SAMPLES), mode="lines+markers", name="edge",
                    line=dict(color=style.INK, width=2.4), marker=dict(color=style.INK, size=6),
                    hovertemplate="n = %{y}: as good as separate at ρ = %{x:.2f}<extra></extra>")
    n = np.geomspace(SAMPLES[0], SAMPLES[-1], 60)
    rho = np.array([exact_edge(scene, float(k)) for k in n])
    inside = rho >= -1
    exact = style.theory(rho[inside], n[inside], "edge", hovertemplate="theory: ρ = %{x:.2f}<extra></extra>")
    return [style.halo(measured), measured, exact]


def _ranges(result: Result, scene: Config) -> style.Trace:
    """Pale bars across the map where these seeds do not tell who is better; to the rim where nothing beyond is clear."""
    x, y = [], []
    for n, (low, high) in zip(SAMPLES, open_ranges(result, scene.compared), strict=True):
        if low < 1 and high > -1:
            x += [low if low > -1 else -RIM, min(high, RIM), None]
            y += [n, n, None]
    return dict(type="scatter", x=x, y=y, mode="lines", line=dict(color=style.colour("ink", 0.35), width=7), hoverinfo="skip")


def _lines(result: Result, scene: Config, x: Any, loss: Any) -> list[style.Trace]:
    """Means of loss [A, ·, S] with the middle half of the seeds of the two that are compared."""
    traces: list[style.Trace] = []
    for k, name in enumerate(result.designs):
        if name in ("separate", scene.compared):
            quarter = np.quantile(loss[k].numpy(), [0.25, 0.75], axis=-1)
            traces.append(style.band(x, quarter[0], quarter[1], NAMES[name], HUES[name]))
    for k, name in enumerate(result.designs):
        chosen = name in ("separate", scene.compared)
        traces.append(dict(type="scatter", x=style.array(x), y=style.array(loss[k].mean(-1)), mode="lines", name=NAMES[name],
                           line=dict(color=style.colour(HUES[name]), width=2.6 if chosen else 1.6),
                           hovertemplate=f"{NAMES[name]}: %{{y:.3f}}<extra></extra>"))
    return traces


def _here(x: float) -> dict[str, Any]:
    return dict(type="line", x0=x, x1=x, y0=0, y1=1, yref="paper", line=dict(color=style.MUTED, width=1.2, dash="dot"))


def against_relatedness(result: Result, scene: Config) -> go.Figure:
    """Test losses of all designs at the scene's n."""
    r, m = at(scene)
    traces = _lines(result, scene, RELATEDNESS, result.loss[:, :, m])
    if scene.problem == "linear":
        D, n = DIMENSIONS["linear"], SAMPLES[m]
        apart = separate_loss(n, D, scene.noise)
        traces.append(style.theory([-1, 1], [apart, apart], "separate, theory"))
        one = [shared_loss(n, scene.tasks, D, scene.noise, rho) for rho in RELATEDNESS]
        traces.append(style.theory(RELATEDNESS, one, "shared, theory"))
        told = [joined_loss(n, scene.tasks, D, scene.noise, rho) for rho in RELATEDNESS]
        traces.append(style.theory(RELATEDNESS, told, "z concatenated, theory"))
    return style.figure(traces, x="relatedness ρ", y="loss − noise", xaxis_range=[-1, 1],
                        **LOSS_AXIS, showlegend=False, shapes=[_here(RELATEDNESS[r])])


def against_samples(result: Result, scene: Config) -> go.Figure:
    """Test losses of all designs at the scene's ρ."""
    r, m = at(scene)
    traces = _lines(result, scene, SAMPLES, result.loss[:, r])
    if scene.problem == "linear":
        D, n = DIMENSIONS["linear"], np.geomspace(SAMPLES[0], SAMPLES[-1], 40).tolist()
        traces.append(style.theory(n, [separate_loss(k, D, scene.noise) for k in n], "separate, theory"))
        one = [shared_loss(k, scene.tasks, D, scene.noise, RELATEDNESS[r]) for k in n]
        traces.append(style.theory(n, one, "shared, theory"))
        told = [joined_loss(k, scene.tasks, D, scene.noise, RELATEDNESS[r]) for k in n]
        traces.append(style.theory(n, told, "z concatenated, theory"))
    return style.figure(traces, x="samples of each task n", y="loss − noise", xaxis=_samples_axis(),
                        **LOSS_AXIS, showlegend=False, shapes=[_here(SAMPLES[m])])


def _stars(scene: Config) -> style.Trace:
    a, b = parts(RELATEDNESS[at(scene)[0]])
    return dict(type="scatter", x=[a, a], y=[b, -b], mode="markers", cliponaxis=False,
                marker=dict(symbol="star", size=15, color=style.INK, line=dict(color=style.PAPER, width=1.5)),
                hovertemplate="true weights: (%{x:.2f}, %{y:.2f})<extra></extra>")


def _names(scene: Config) -> list[dict[str, Any]]:
    """Direct labels of the stars."""
    a, b = parts(RELATEDNESS[at(scene)[0]])
    named = [(b, "A"), (-b, "B")] if b > 0 else [(b, "A, B")]
    return [style.label(a, y, text, bgcolor=style.PAPER, opacity=0.85) | dict(xshift=12) for y, text in named]


def weights(result: Result, scene: Config, design: str) -> go.Figure:
    """Estimates of all seeds in the plane of what tasks have in common and what sets them apart, linear tasks."""
    assert result.weights is not None
    r, m = at(scene)
    chosen = result.weights[[0, result.designs.index(scene.compared)], r, m]
    reach = 1.08 * max(1.2, float(chosen[..., 1].abs().max()))
    across = [min(-0.3, 1.08 * float(chosen[..., 0].min())), max(1.3, 1.08 * float(chosen[..., 0].max()))]
    w = result.weights[result.designs.index(design), r, m]  # [S, T, 2]
    traces: list[style.Trace] = []
    for sign in (1.0, -1.0):
        own = w[:, camps(scene.tasks) == sign].reshape(-1, 2)
        traces.append(dict(type="scatter", x=style.array(own[:, 0]), y=style.array(own[:, 1]), mode="markers",
                           name=f"tasks {CAMPS[sign]}",
                           marker=dict(symbol=f"{SYMBOLS[sign]}{'-open' if sign < 0 else ''}", size=6, opacity=0.7,
                                       color=style.colour(HUES[design])),
                           hovertemplate=f"task {CAMPS[sign]}: (%{{x:.2f}}, %{{y:.2f}})<extra></extra>"))
    return style.figure([*traces, _stars(scene)], x="weight along u (in common)", y="along v (apart)",
                        xaxis_range=across, yaxis_range=[-reach, reach], showlegend=False, annotations=_names(scene))


def _truths(result: Result, scene: Config) -> list[style.Trace]:
    assert result.truth is not None and result.place is not None
    r, _ = at(scene)
    return [style.theory(result.place, result.truth[r, t], f"truth of {CAMPS[s]}")
            for t, s in enumerate(camps(scene.tasks).tolist()[:2])]


def _samples(result: Result, scene: Config, hue: str) -> list[style.Trace]:
    r, m = at(scene)
    traces: list[style.Trace] = []
    for t, sign in enumerate(camps(scene.tasks).tolist()):
        marker = dict(symbol=f"{SYMBOLS[sign]}{'-open' if sign < 0 else ''}", size=7, color=hue)
        traces.append(dict(type="scatter", x=style.array(result.tasks.x[0, t, 0, : SAMPLES[m]]),
                           y=style.array(result.tasks.y[r, 0, t, : SAMPLES[m]]), mode="markers", marker=marker,
                           hovertemplate=f"sample of task {t + 1} ({CAMPS[sign]}): (%{{x:.2f}}, %{{y:.2f}})<extra></extra>"))
    return traces


def _frame(result: Result, scene: Config) -> list[float]:
    """The heights of all that both pictures of fits show."""
    assert result.truth is not None and result.film is not None
    r, m = at(scene)
    shown = (result.truth[r], result.tasks.y[r, 0, :, : SAMPLES[m]],
             result.film[:, [0, result.designs.index(scene.compared)], r, m])
    low, high = min(float(v.min()) for v in shown), max(float(v.max()) for v in shown)
    return [low - 0.05 * (high - low), high + 0.05 * (high - low)]


def curves(result: Result, scene: Config, design: str) -> go.Figure:
    """What the nets of a design find for each task of the first seed, after each of the player's updates."""
    assert result.film is not None and result.place is not None
    r, m = at(scene)
    traces = _samples(result, scene, style.MUTED)
    for t, sign in enumerate(camps(scene.tasks).tolist()):
        film = style.array(result.film[:, result.designs.index(design), r, m, t])
        line = dict(type="scatter", x=style.array(result.place), y=film[-1], name=f"task {t + 1}", mode="lines",
                    line=dict(color=style.colour(HUES[design]), width=2.4),
                    hovertemplate=f"task {t + 1} ({CAMPS[sign]}): %{{y:.2f}}<extra></extra>")
        traces.append(style.frames(line, y=film))
    return style.figure([*traces, *_truths(result, scene)], x="x", y="y", xaxis_range=[-1.02, 1.02],
                        yaxis_range=_frame(result, scene), showlegend=False)


def fit(result: Result, scene: Config, design: str) -> go.Figure:
    """What a design finds: weights of linear tasks, or curves."""
    return weights(result, scene, design) if scene.problem == "linear" else curves(result, scene, design)


def setup(result: Result, scene: Config) -> go.Figure:
    """The tasks, without what any model makes of them."""
    if scene.problem == "linear":
        return style.figure([_stars(scene)], x="weight along u (in common)", y="along v (apart)",
                            xaxis_range=[-0.3, 1.3], yaxis_range=[-1.3, 1.3], showlegend=False, annotations=_names(scene))
    return style.figure([*_samples(result, scene, style.MUTED), *_truths(result, scene)], x="x", y="y",
                        xaxis_range=[-1.02, 1.02], showlegend=False)


def counts(result: Result) -> go.Figure:
    """Parameters that all tasks use (full) and those of single tasks (pale)."""
    names = [NAMES[name] for name in result.designs]
    hues = [HUES[name] for name in result.designs]
    traces = []
    for values, alpha, what in (([c.shared for c in result.counts], 1.0, "shared"),
                                ([c.own for c in result.counts], 0.35, "task-specific")):
        traces.append(dict(type="bar", orientation="h", y=names, x=values, name=what,
                           marker=dict(color=[style.colour(hue, alpha) for hue in hues], line=dict(width=0)),
                           hovertemplate=f"%{{y}}: %{{x}} {what}<extra></extra>"))
    top = max(c.total for c in result.counts)
    notes = [dict(x=c.total, y=name, text=f"{c.shared} + {c.own}", showarrow=False, xanchor="left", xshift=5)
             for c, name in zip(result.counts, names, strict=True)]
    return style.figure(traces, x="parameters", barmode="stack", bargap=0.35, annotations=notes, showlegend=False,
                        xaxis_range=[0, 1.5 * top], yaxis=dict(autorange="reversed", showgrid=False, dtick=1))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Losses of separate and shared models against relatedness: they cross."""
    _, m = at(scene)
    mean = result.loss[:2, :, m].mean(-1)
    lines = [style.mark("line", RELATEDNESS, mean[k], hue, width=4) for k, hue in ((0, "tasks_apart"), (1, "tasks_untold"))]
    return style.thumbnail(*lines, x=(-1, 1), y=(0, 1.1 * float(mean.max())))
