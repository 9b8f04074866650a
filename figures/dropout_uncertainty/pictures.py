"""Pictures of three ways to be unsure: the passes and their band, maps of entropy, σ(x) and the probe."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.formatting import format_number
from core.lessons.dropout_uncertainty import uncertainty
from core.lessons.dropout_uncertainty.data import FAR, IN_GAP, MOONS_VIEW, SIDE, VIEW
from core.lessons.dropout_uncertainty.guessing import errors_in_sigmas, passes_used, spread, surest_wrong
from core.lessons.dropout_uncertainty.lesson import METHODS, QUANTITIES, Config, Result, column, passes_shown, quantity
from figures import style

DASH = {"mc_dropout": "solid", "deep_ensemble": "longdash", "bagging": "dashdot"}
MARK = {"mc_dropout": "circle", "deep_ensemble": "square", "bagging": "diamond"}
DRAWN = 20  # passes drawn as lines; bands and means use all of them
FRAMES = {"curve": 32, "moons": 12}
HEIGHT = (-4.5, 4.5)  # of the frame of the curves, at least
SPREAD = 2.0
LN2 = float(np.log(2))


def stops(result: Result, scene: Config) -> list[int]:
    """Passes averaged at each frame of the player, up to T."""
    T = passes_shown(result, scene)
    first = min(8, T)
    rest = np.geomspace(first, T, FRAMES[result.problem] - first)
    return sorted({*range(1, first + 1), *(round(v) for v in rest)})


def legend(result: Result) -> list[tuple[str, str, str]]:
    methods = [(name, style.colour(m), DASH[m]) for m, name in METHODS.items()]
    classes = [("class A", style.colour("class_a"), "solid"), ("class B", style.colour("class_b"), "solid")]
    return methods if result.problem == "curve" else [*methods, *classes]


def order(scene: Config) -> list[str]:
    """The methods as they stand beside each other, the one in focus first."""
    return [scene.focus, *(m for m in METHODS if m != scene.focus)]


def line_of(method: str, width: float = 2.2) -> dict[str, object]:
    return dict(color=style.colour(method), width=width, dash=DASH[method])


def _region(result: Result, region: int) -> list[tuple[float, float]]:
    """Intervals of x that belong to a region of the curve."""
    x, step = result.grid_DG[0].numpy(), float(result.grid_DG[0, 1] - result.grid_DG[0, 0])
    inside = (result.region_G == region).numpy().astype(int)
    starts, ends = np.flatnonzero(np.diff(inside, prepend=0) == 1), np.flatnonzero(np.diff(inside, append=0) == -1)
    return [(float(x[a]) - step / 2, float(x[b]) + step / 2) for a, b in zip(starts, ends, strict=True)]


def _dots(x: object, y: object, says: str, **marker: object) -> style.Trace:
    marker["line"] = dict(color=style.PAPER, width=1.0)
    return dict(type="scatter", x=x, y=y, mode="markers", marker=marker, hovertemplate=f"{says}<extra></extra>")


def _data(result: Result) -> list[style.Trace]:
    x, y = style.array(result.x_DN), style.array(result.y_N)
    if result.problem == "curve":
        return [_dots(x[0], y, "sample (%{x:.2f}, %{y:.2f})", color=style.INK, size=5)]
    return [_dots(x[0, y == k], x[1, y == k], f"sample of class {name}", color=style.colour(hue), symbol=symbol, size=6)
            for k, name, hue, symbol in ((0, "A", "class_a", "circle"), (1, "B", "class_b", "diamond"))]


def picture(result: Result, scene: Config, method: str) -> go.Figure:
    """One method: on the curve its passes, mean and band; on the moons the chosen map."""
    return (_curve if result.problem == "curve" else _map)(result, scene, method)


def _curve(result: Result, scene: Config, method: str) -> go.Figure:
    T = passes_shown(result, scene)
    counts = [passes_used(result, method, t) for t in stops(result, scene)]
    x, passes = style.array(result.grid_DG[0]), style.array(result.passes[method])
    mean, std = (style.array(v) for v in uncertainty.running_spread(result.passes[method], counts))
    std = np.nan_to_num(std)  # one pass has no spread yet
    low, high = mean - 2 * std, mean + 2 * std
    band = style.band(x, low[-1], high[-1], METHODS[method], method)
    band["fillcolor"] = style.colour(method, 0.26)
    few = passes[: min(DRAWN, counts[-1])]
    lines_y = np.concatenate([few, np.full((len(few), 1), np.nan, np.float32)], 1).ravel()
    faint = dict(type="scatter", x=np.tile(np.append(x, np.float32("nan")), len(few)), y=lines_y, mode="lines", hoverinfo="skip",
                 line=dict(color=style.colour(method, 0.45), width=0.9))
    newest = dict(type="scatter", x=x, y=passes[counts[-1] - 1], mode="lines", hoverinfo="skip",
                  line=dict(color=style.colour(method), width=1.2))
    centre = dict(type="scatter", x=x, y=mean[-1], customdata=std[-1], mode="lines", name=METHODS[method],
                  line=dict(color=style.colour(method), width=3),
                  hovertemplate=f"{METHODS[method]}<br>x = %{{x:.2f}}: %{{y:.2f}} ± %{{customdata:.2f}} (σ)<extra></extra>")
    g = surest_wrong(result, method, T)
    z = format_number(errors_in_sigmas(result, method, T)[g])
    worst = _dots(x[[g]], mean[-1][[g]], f"x = %{{x:.1f}}: off by {z} standard deviations of σ and noise", symbol="x", size=11,
                  color=style.colour("warning"))
    worst["cliponaxis"] = False
    traces = [
        style.frames(band, y=np.concatenate([high, low[:, ::-1]], 1)),
        style.grow(faint, [min(c, len(few)) * (len(x) + 1) for c in counts]),
        style.frames(newest, y=passes[[c - 1 for c in counts]]),
        style.theory(x, result.truth_G, "true function"),
        style.frames(style.halo(centre), y=mean), style.frames(centre, y=mean, customdata=std),
        *_data(result), worst,
    ]
    p, (foot, top) = column(result, scene), _reach(result, T)
    left, here = bool(x[p] > 1.5), [format_number(v[p]) for v in spread(result, method, counts[-1])]
    note = dict(x=float(x[p]), y=foot, yanchor="bottom", xshift=-4 if left else 4, xanchor="right" if left else "left",
                showarrow=False, text=" ± ".join(here), font=dict(color=style.colour(method)))
    truth, middle = style.array(result.truth_G), np.abs(x) < 2
    lowest = int(np.flatnonzero(middle)[truth[middle].argmin()])
    named = dict(x=float(x[lowest]), y=float(truth[lowest]), yanchor="top", yshift=-3, showarrow=False, text="truth")
    shapes, places = _unsampled(result, scene, top)
    return style.figure(traces, x="x", y="prediction", showlegend=False, shapes=[*shapes, _upright(float(x[p]))],
                        annotations=[*places, note, named], xaxis=dict(range=list(VIEW)), yaxis=dict(range=[foot, top]))


def _reach(result: Result, T: int) -> tuple[float, float]:
    """The heights between which the means of all methods lie, so that their pictures have one frame and no cross leaves it."""
    means = np.concatenate([style.array(spread(result, m, T)[0]) for m in METHODS])
    return min(HEIGHT[0], 1.1 * float(means.min())), max(HEIGHT[1], 1.1 * float(means.max()))


def _unsampled(result: Result, scene: Config, top: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shapes and names of the places without samples that the question is about."""
    where, name = (IN_GAP, "gap") if scene.gap > 0 else (FAR, "far away")
    places = _region(result, where)
    shapes = [dict(type="rect", x0=low, x1=high, y0=0, y1=1, yref="y domain", layer="below", line=dict(width=0),
                   fillcolor=style.colour("muted", 0.16)) for low, high in places]
    names = [dict(x=(low + high) / 2, y=top, yanchor="top", text=name, showarrow=False, font=dict(color=style.MUTED))
             for low, high in places]
    return shapes, names


def _upright(x: float) -> dict[str, object]:
    """The dotted line at the probe."""
    return dict(type="line", x0=x, x1=x, y0=0, y1=1, yref="y domain", line=dict(color=style.MUTED, width=1.5, dash="dot"))


def _map(result: Result, scene: Config, method: str) -> go.Figure:
    T = passes_shown(result, scene)
    counts = [passes_used(result, method, t) for t in stops(result, scene)]
    grid = style.array(result.grid_DG).reshape(2, SIDE, SIDE)
    x, y = grid[0, 0], grid[1, :, 0]
    chance = scene.quantity == "mean"
    z = style.array(quantity(result, scene.quantity, method, counts)).reshape(-1, SIDE, SIDE)
    unit = "" if chance else " nats"
    heat = dict(type="heatmap", x=x, y=y, z=z[-1], zmin=0, zmax=1 if chance else LN2, zsmooth="best",
                colorscale=style.PROBABILITY if chance else style.UNCERTAINTY, showscale=True,
                colorbar=dict(orientation="h", y=1, yanchor="top", thickness=10, len=0.9, outlinewidth=0, xpad=0, ypad=0,
                              tickvals=[0, 0.5, 1] if chance else [0, 0.2, 0.4, LN2],
                              ticktext=["0", "½", "1"] if chance else ["0", "0.2", "0.4", "ln 2 nats"]),
                hovertemplate=f"(%{{x:.1f}}, %{{y:.1f}})<br>{QUANTITIES[scene.quantity]} %{{z:.3f}}{unit}<extra></extra>")
    mean = style.array(result.passes[method][: counts[-1]].mean(0)).reshape(SIDE, SIDE)

    def even(values: np.ndarray, dash: str) -> style.Trace:
        level = dict(start=0.5, end=0.5, size=1, coloring="none")
        return dict(type="contour", x=x, y=y, z=values, contours=level, showscale=False,
                    line=dict(color=style.INK, width=1.8, dash=dash), hoverinfo="skip")

    truth = style.array(result.truth_G).reshape(SIDE, SIDE)
    traces: list[style.Trace] = [style.frames(heat, z=z), even(truth, "dash"), even(mean, "solid"), *_data(result)]
    g = surest_wrong(result, method, T)
    if g >= 0:
        place = result.grid_DG[:, g].tolist()
        traces.append(_dots(place[:1], place[1:], "surest although wrong", symbol="x", size=13, color=style.colour("warning")))
    at = result.grid_DG[:, column(result, scene)].tolist()
    ring = dict(symbol="circle-open-dot", size=15, color=style.INK, line=dict(width=2))
    traces.append(dict(type="scatter", x=at[:1], y=at[1:], mode="markers", marker=ring,
                       hovertemplate="probe (%{x:.2f}, %{y:.2f})<extra></extra>"))
    across, up = MOONS_VIEW
    # The scale of colours stands above the map, whose width it leaves alone.
    return style.figure(traces, x="x₁", y="x₂", xaxis_range=list(across), yaxis_range=list(up), showlegend=False,
                        xaxis_showgrid=False, yaxis_showgrid=False, yaxis_domain=[0, 0.84], yaxis_constraintoward="top",
                        equal=True)


def setup(result: Result, scene: Config) -> go.Figure:
    """The samples, and the places that the question asks about, shaded."""
    if result.problem == "moons":
        return _remote(result)
    lowest, highest = (float(v) for v in result.y_N.aminmax())
    foot, top = lowest - 0.35 * (highest - lowest), highest + 0.35 * (highest - lowest)
    shapes, notes = _unsampled(result, scene, top)
    return style.figure(_data(result), x="x", y="y", showlegend=False, shapes=shapes, annotations=notes,
                        xaxis=dict(range=list(VIEW)), yaxis=dict(range=[foot, top]))


def _remote(result: Result) -> go.Figure:
    """The two moons in their wide plane, shaded where it is far from all of them."""
    grid = style.array(result.grid_DG).reshape(2, SIDE, SIDE)
    far = (result.region_G == FAR).numpy().astype(np.float32).reshape(SIDE, SIDE)
    grey = style.colour("muted", 0.16)
    shade = dict(type="heatmap", x=grid[0, 0], y=grid[1, :, 0], z=np.where(far > 0, far, np.nan), zmin=0, zmax=1, showscale=False,
                 colorscale=[[0, grey], [1, grey]], hoverinfo="skip", hoverongaps=False)
    across, up = MOONS_VIEW
    note = dict(x=across[0] + 0.2, y=up[1] - 0.2, xanchor="left", yanchor="top", text="far away", showarrow=False,
                font=dict(color=style.MUTED))
    return style.figure([shade, *_data(result)], x="x₁", y="x₂", xaxis_range=list(across), yaxis_range=list(up), equal=True,
                        showlegend=False, annotations=[note], xaxis_showgrid=False, yaxis_showgrid=False)


def sigma(result: Result, scene: Config) -> go.Figure:
    """σ(x) of the three methods on one axis, with the closed form of one hidden layer."""
    x = style.array(result.grid_DG[0])
    traces: list[style.Trace] = []
    most = [] if result.theory_G is None else [float(result.theory_G.max())]
    for m in METHODS:
        counts = [passes_used(result, m, t) for t in stops(result, scene)]
        std = style.array(uncertainty.running_spread(result.passes[m], counts)[1])
        line = dict(type="scatter", x=x, y=std[-1], mode="lines", name=METHODS[m], line=line_of(m, 2.6), showlegend=False,
                    hovertemplate=f"{METHODS[m]}: σ = %{{y:.3f}} at x = %{{x:.2f}}<extra></extra>")
        traces.append(style.frames(line, y=std))
        most.append(float(np.nan_to_num(std).max()))  # one pass has no spread yet
    if result.theory_G is not None:
        traces.append(style.theory(x, result.theory_G, "σ of MC dropout, exactly"))
    top = min(SPREAD, 1.1 * max(most))
    shapes, names = _unsampled(result, scene, top)
    return style.figure(traces, x="x", y="σ(x)", showlegend=False, shapes=[*shapes, _upright(float(x[column(result, scene)]))],
                        annotations=names, xaxis=dict(range=list(VIEW)), yaxis=dict(range=[0, top]))


def probe(result: Result, scene: Config) -> go.Figure:
    """The predictions of all passes and members at the probe, with mean ± 2σ, and the truth."""
    g, curve = column(result, scene), result.problem == "curve"
    T = passes_shown(result, scene)
    traces: list[style.Trace] = []
    truth, off = float(result.truth_G[g]), float(result.off_G[g])
    drawn = [truth, off]
    for k, m in enumerate(METHODS):
        values = style.array(result.passes[m][: passes_used(result, m, T), g])
        # Spread sideways by a fixed golden-ratio sequence, so that equal predictions do not hide each other.
        aside = k + 0.5 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)
        single = dict(color=style.colour(m, 0.55), size=7, symbol=MARK[m])
        traces.append(dict(type="scatter", x=aside, y=values, mode="markers", marker=single,
                           hovertemplate=f"{METHODS[m]}: %{{y:.3f}}<extra></extra>"))
        centre = _dots([k], [values.mean()], f"{METHODS[m]}: mean %{{y:.3f}}", color=style.colour(m), size=12, symbol=MARK[m])
        mean, half = float(values.mean()), 2 * float(values.std(ddof=1))
        # There are no probabilities below 0 or above 1.
        low, high = (mean - half, mean + half) if curve else (max(0.0, mean - half), min(1.0, mean + half))
        centre["error_y"] = dict(array=[high - mean], arrayminus=[mean - low], thickness=2.5, width=9, color=style.colour(m))
        traces.append(centre)
        drawn += [low, high, *values.tolist()]
    pad = max(0.15 * float(np.ptp(drawn)), 0.3)
    traces.append(style.theory([-0.5, 2.5], [truth, truth], "truth"))
    star = dict(symbol="star-triangle-up-open", size=12, color=style.INK)
    traces.append(dict(type="scatter", x=[0.4], y=[off], mode="markers", marker=star,
                       hovertemplate="dropout off: %{y:.3f}<extra></extra>"))
    return style.figure(traces, x="method", y="prediction" if curve else "P(class B)", showlegend=False, xaxis_range=[-0.5, 2.5],
                        xaxis=dict(tickvals=[0, 1, 2], ticktext=["MC<br>dropout", "Deep<br>ensemble", "Bagging"], showgrid=False),
                        yaxis_range=[min(drawn) - pad, max(drawn) + pad] if curve else [-0.05, 1.05])


def split(result: Result, scene: Config) -> go.Figure:
    """Entropy at the probe as a stack: what every pass is unsure of, and what the passes disagree about."""
    g, T = column(result, scene), passes_shown(result, scene)
    parts = [uncertainty.entropies(result.passes[m][:, None, g : g + 1], [passes_used(result, m, T)]) for m in METHODS]
    names = [n.replace(" ", "<br>") for n in METHODS.values()]
    edge = dict(color=[style.colour(m) for m in METHODS], width=1)
    traces = [dict(type="bar", x=names, y=[float(getattr(p, key).clamp_min(0)) for p in parts], name=label,
                   marker=dict(color=[style.colour(m, alpha) for m in METHODS], line=edge),
                   hovertemplate=f"{label}: %{{y:.3f}} nats<extra></extra>")
              for key, label, alpha in (("expected", "expected entropy", 0.3), ("mutual", "mutual information", 1.0))]
    return style.figure(traces, x="method", y="entropy (nats)", barmode="stack", yaxis_range=[0, 0.72], showlegend=False)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Two bands over the samples, of the deep ensemble and of MC dropout."""
    some = slice(14, -14, 3)
    x = style.array(result.grid_DG[0])[some]
    marks = []
    for method, alpha in (("deep_ensemble", 0.3), ("mc_dropout", 0.5)):
        mean, std = (style.array(v)[some] for v in spread(result, method, scene.passes))
        outline = np.concatenate([mean + 2 * std, (mean - 2 * std)[::-1]])
        marks += [style.mark("area", np.concatenate([x, x[::-1]]), outline, method, alpha=alpha),
                  style.mark("line", x, mean, method, width=2)]
    samples = style.mark("dots", result.x_DN[0], result.y_N, "ink", width=4)
    return style.thumbnail(*marks, samples, x=(float(x[0]), float(x[-1])), y=(-3.0, 3.0))
