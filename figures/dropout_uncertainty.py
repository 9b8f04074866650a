"""Pictures of three ways to be unsure: the passes and their band, maps of entropy, the probe, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import torch

from core import uncertainty
from core.calibration import reliability
from core.lessons import dropout_uncertainty as lesson
from core.lessons.dropout_uncertainty import IN_DATA, IN_GAP, METHODS, QUANTITIES, SIDE, VIEW, Config, Result, counted
from figures import style

DASH = {"mc_dropout": "solid", "deep_ensemble": "longdash", "bagging": "dashdot"}
MARK = {"mc_dropout": "circle", "deep_ensemble": "square", "bagging": "diamond"}
DRAWN = 30  # passes drawn as lines; bands and means use all of them
FRAMES = {"curve": 32, "moons": 12}
HEIGHT = (-4.5, 4.5)
SPREAD = 2.0
LN2 = float(np.log(2))
LEVELS = torch.arange(1, 20) / 20


def shown(result: Result, scene: Config) -> int:
    """T: what the slider asks for, or as many passes as there are while the nets still train."""
    return min(scene.passes, len(result.passes["mc_dropout"]))


def stops(result: Result, scene: Config) -> list[int]:
    """Passes averaged at each frame of the player, up to T."""
    T = shown(result, scene)
    first = min(8, T)
    rest = np.geomspace(first, T, FRAMES[result.problem] - first)
    return sorted({*range(1, first + 1), *(round(v) for v in rest)})


def legend(result: Result) -> list[tuple[str, str, str]]:
    methods = [(name, style.colour(m), DASH[m]) for m, name in METHODS.items()]
    if result.problem == "curve":
        return [*methods, ("true function", style.INK, "dash")]
    return [*methods, ("even odds, net", style.INK, "solid"), ("even odds, truth", style.INK, "dash")]


def others(scene: Config) -> list[str]:
    """The two methods that are not in the large picture."""
    return [m for m in METHODS if m != scene.focus]


def _line(method: str, width: float = 2.2) -> dict[str, object]:
    return dict(color=style.colour(method), width=width, dash=DASH[method])


def column(result: Result, scene: Config) -> int:
    """The grid point nearest to the probe."""
    at = torch.tensor([scene.probe_x, scene.probe_y])[: len(result.grid_DG), None]
    return int((result.grid_DG - at).square().sum(0).argmin())


def _region(result: Result, region: int) -> list[tuple[float, float]]:
    """Intervals of x that belong to a region of the curve."""
    x, step = result.grid_DG[0].numpy(), float(result.grid_DG[0, 1] - result.grid_DG[0, 0])
    inside = (result.region_G == region).numpy().astype(int)
    starts, ends = np.flatnonzero(np.diff(inside, prepend=0) == 1), np.flatnonzero(np.diff(inside, append=0) == -1)
    return [(float(x[a]) - step / 2, float(x[b]) + step / 2) for a, b in zip(starts, ends, strict=True)]


def _dots(x: object, y: object, says: str, **marker: object) -> style.Trace:
    outline = dict(color=style.PAPER, width=1.0)
    return dict(type="scatter", x=x, y=y, mode="markers", marker=dict(line=outline, **marker), hovertemplate=f"{says}<extra></extra>")


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
    T, large = shown(result, scene), method == scene.focus
    counts = [counted(result, method, t) for t in stops(result, scene)]
    x, passes = style.array(result.grid_DG[0]), style.array(result.passes[method])
    mean, std = (style.array(v) for v in uncertainty.running_spread(result.passes[method], counts))
    std = np.nan_to_num(std)  # one pass has no spread yet
    low, high = mean - 2 * std, mean + 2 * std
    band = style.band(x, low[-1], high[-1], METHODS[method], method)
    band["fillcolor"] = style.colour(method, 0.26)
    few = passes[: min(DRAWN if large else DRAWN // 2, counts[-1])]
    lines_y = np.concatenate([few, np.full((len(few), 1), np.nan, np.float32)], 1).ravel()
    faint = dict(type="scatter", x=np.tile(np.append(x, np.float32("nan")), len(few)), y=lines_y, mode="lines", hoverinfo="skip",
                       line=dict(color=style.colour(method, 0.45), width=0.9))
    newest = dict(type="scatter", x=x, y=passes[counts[-1] - 1], mode="lines", hoverinfo="skip",
                        line=dict(color=style.colour(method), width=1.2))
    centre = dict(type="scatter", x=x, y=mean[-1], customdata=std[-1], mode="lines", name=METHODS[method],
                        line=dict(color=style.colour(method), width=3),
                        hovertemplate=f"{METHODS[method]}<br>x = %{{x:.2f}}: %{{y:.2f}} ± %{{customdata:.2f}} (σ)<extra></extra>")
    g = lesson.surest_wrong(result, method, T)
    worst = _dots(x[[g]], mean[-1][[g]], "surest although wrong, x = %{x:.2f}", symbol="x", size=12 if large else 10,
                  color=style.colour("warning"))
    traces = [
        style.frames(band, y=np.concatenate([high, low[:, ::-1]], 1)),
        style.grow(faint, [min(c, len(few)) * (len(x) + 1) for c in counts]),
        style.frames(newest, y=passes[[c - 1 for c in counts]]),
        style.theory(x, result.truth_G, "true function"),
        style.frames(style.halo(centre), y=mean), style.frames(centre, y=mean, customdata=std),
        *_data(result), worst,
    ]
    out = style.figure(traces, x="x", y="prediction", xaxis_range=list(VIEW), yaxis_range=list(HEIGHT), showlegend=False)
    p = column(result, scene)
    out.add_vline(x=float(x[p]), line=dict(color=style.MUTED, width=1.5, dash="dot"))
    left = bool(x[p] > 0)
    out.add_annotation(x=float(x[p]), y=HEIGHT[0], yanchor="bottom", xshift=-4 if left else 4,
                       xanchor="right" if left else "left", showarrow=False, text=f"{mean[-1][p]:.2f} ± {std[-1][p]:.2f}",
                       font=dict(color=style.colour(method)))
    return out


def quantity(result: Result, name: str, method: str, counts: Sequence[int]) -> torch.Tensor:
    """The chosen map [F, G] of a method for growing numbers of passes."""
    p_SG = result.passes[method]
    if name == "mean":
        return uncertainty.running_mean(p_SG, counts)
    return getattr(uncertainty.entropies(p_SG[:, None], counts), name).clamp_min(0)


def _map(result: Result, scene: Config, method: str) -> go.Figure:
    large, T = method == scene.focus, shown(result, scene)
    counts = [counted(result, method, t) for t in stops(result, scene)]
    grid = style.array(result.grid_DG).reshape(2, SIDE, SIDE)
    x, y = grid[0, 0], grid[1, :, 0]
    chance = scene.quantity == "mean"
    z = style.array(quantity(result, scene.quantity, method, counts)).reshape(-1, SIDE, SIDE)
    unit = "" if chance else " nats"
    heat = dict(type="heatmap", x=x, y=y, z=z[-1], zmin=0, zmax=1 if chance else LN2, zsmooth="best",
                      colorscale=style.PROBABILITY if chance else style.DOUBT, showscale=large,
                      colorbar=dict(thickness=12, outlinewidth=0, tickvals=[0, 0.5, 1] if chance else [0, 0.2, 0.4, LN2],
                                    ticktext=["0", "½", "1"] if chance else ["0", "0.2", "0.4", "ln 2"],
                                    title=dict(text="" if chance else "nats", side="right")),
                      hovertemplate=f"(%{{x:.1f}}, %{{y:.1f}})<br>{QUANTITIES[scene.quantity]} %{{z:.3f}}{unit}<extra></extra>")
    mean = style.array(result.passes[method][: counts[-1]].mean(0)).reshape(SIDE, SIDE)

    def even(values: np.ndarray, dash: str) -> style.Trace:
        return dict(type="contour", x=x, y=y, z=values, contours=dict(start=0.5, end=0.5, size=1, coloring="none"), showscale=False,
                          line=dict(color=style.INK, width=1.8, dash=dash), hoverinfo="skip")

    truth = style.array(result.truth_G).reshape(SIDE, SIDE)
    traces: list[object] = [style.frames(heat, z=z), even(truth, "dash"), even(mean, "solid"), *_data(result)]
    g = lesson.surest_wrong(result, method, T)
    if g >= 0:
        place = result.grid_DG[:, g].tolist()
        traces.append(_dots(place[:1], place[1:], "surest although wrong", symbol="x", size=13, color=style.colour("warning")))
    at = result.grid_DG[:, column(result, scene)].tolist()
    traces.append(dict(type="scatter", x=at[:1], y=at[1:], mode="markers", hovertemplate="probe (%{x:.2f}, %{y:.2f})<extra></extra>",
                             marker=dict(symbol="circle-open-dot", size=15, color=style.INK, line=dict(width=2))))
    across, up = lesson.MOONS_VIEW
    return style.figure(traces, x="x₁", y="x₂", xaxis_range=list(across), yaxis_range=list(up), showlegend=False,
                        xaxis_showgrid=False, yaxis_showgrid=False)


def sigma(result: Result, scene: Config) -> go.Figure:
    """σ(x) of the three methods on one axis, with the closed form of one hidden layer."""
    x = style.array(result.grid_DG[0])
    traces: list[object] = []
    for m in METHODS:
        counts = [counted(result, m, t) for t in stops(result, scene)]
        std = style.array(uncertainty.running_spread(result.passes[m], counts)[1])
        line = dict(type="scatter", x=x, y=std[-1], mode="lines", name=METHODS[m], line=_line(m, 2.6), showlegend=False,
                          hovertemplate=f"{METHODS[m]}: σ = %{{y:.3f}} at x = %{{x:.2f}}<extra></extra>")
        traces.append(style.frames(line, y=std))
    if result.theory_G is not None:
        traces.append(style.theory(x, result.theory_G, "σ of MC dropout, exactly", showlegend=True))
    out = style.figure(traces, x="x", y="σ(x)", xaxis_range=list(VIEW), yaxis_range=[0, SPREAD],
                       showlegend=result.theory_G is not None)
    for low, high in _region(result, IN_DATA):
        out.add_vrect(x0=low, x1=high, fillcolor=style.colour("muted", 0.12), line_width=0, layer="below")
        out.add_annotation(x=(low + high) / 2, y=SPREAD, yanchor="top", text="data", showarrow=False,
                           font=dict(color=style.MUTED))
    out.add_vline(x=float(x[column(result, scene)]), line=dict(color=style.MUTED, width=1.5, dash="dot"))
    return out


def probe(result: Result, scene: Config) -> go.Figure:
    """The predictions of all passes and members at the probe, with mean ± 2σ, and the truth."""
    g, curve = column(result, scene), result.problem == "curve"
    T = shown(result, scene)
    traces: list[object] = []
    for k, m in enumerate(METHODS):
        values = style.array(result.passes[m][: counted(result, m, T), g])
        # Spread sideways by a fixed golden-ratio sequence, so that equal predictions do not hide each other.
        aside = k + 0.5 * ((np.arange(len(values)) * 0.618034) % 1 - 0.5)
        single = dict(color=style.colour(m, 0.55), size=7, symbol=MARK[m])
        traces.append(dict(type="scatter", x=aside, y=values, mode="markers", marker=single,
                                 hovertemplate=f"{METHODS[m]}: %{{y:.3f}}<extra></extra>"))
        centre = _dots([k], [values.mean()], f"{METHODS[m]}: mean %{{y:.3f}}", color=style.colour(m), size=12, symbol=MARK[m])
        centre["error_y"] = dict(array=[2 * values.std(ddof=1)], thickness=2.5, width=9, color=style.colour(m))
        traces.append(centre)
    truth = float(result.truth_G[g])
    drawn = np.concatenate([[truth], *(np.asarray(t["y"], float) for t in traces)])
    pad = max(0.15 * float(np.ptp(drawn)), 0.3)
    traces.append(style.theory([-0.5, 2.5], [truth, truth], "truth"))
    off = dict(symbol="star-triangle-up-open", size=12, color=style.INK)
    traces.append(dict(type="scatter", x=[0.4], y=[float(result.off_G[g])], mode="markers", marker=off,
                             hovertemplate="dropout off: %{y:.3f}<extra></extra>"))
    return style.figure(traces, x="method", y="prediction" if curve else "P(class B)", showlegend=False, xaxis_range=[-0.5, 2.5],
                        xaxis=dict(tickvals=[0, 1, 2], ticktext=["MC<br>dropout", "Deep<br>ensemble", "Bagging"], showgrid=False),
                        yaxis_range=[drawn.min() - pad, drawn.max() + pad] if curve else [-0.05, 1.05])


def split(result: Result, scene: Config) -> go.Figure:
    """Entropy at the probe as a stack: what every pass is unsure of, and what the passes disagree about."""
    g, T = column(result, scene), shown(result, scene)
    parts = [uncertainty.entropies(result.passes[m][:, None, g : g + 1], [counted(result, m, T)]) for m in METHODS]
    names = [n.replace(" ", "<br>") for n in METHODS.values()]
    edge = dict(color=[style.colour(m) for m in METHODS], width=1)
    traces = [dict(type="bar", x=names, y=[float(getattr(p, key).clamp_min(0)) for p in parts], name=label,
                     marker=dict(color=[style.colour(m, alpha) for m in METHODS], line=edge),
                     hovertemplate=f"{label}: %{{y:.3f}} nats<extra></extra>")
              for key, label, alpha in (("expected", "expected entropy", 0.3), ("mutual", "mutual information", 1.0))]
    return style.figure(traces, x="method", y="entropy (nats)", barmode="stack", yaxis_range=[0, 0.72], showlegend=False)


def distance(result: Result, scene: Config) -> go.Figure:
    """Uncertainty against the distance to the nearest sample: σ on the curve, the chosen quantity on the moons."""
    T, curve = shown(result, scene), result.problem == "curve"
    width = 0.25
    bins = int(result.distance_G.max() / width) + 1
    centres = width * (np.arange(bins) + 0.5)
    inwards = (result.region_G == IN_DATA) | (result.region_G == IN_GAP)
    sides = ((inwards, "inwards", "solid"), (~inwards, "outwards", "dot")) if curve else ((inwards | True, "", "solid"),)
    traces: list[object] = []
    for m in METHODS:
        if curve:
            values = lesson.spread(result, m, T)[1]
        else:
            values = quantity(result, scene.quantity, m, [counted(result, m, T)])[0]
            values = torch.maximum(values, 1 - values) if scene.quantity == "mean" else values
        for where, name, dash in sides:
            y = uncertainty.by_distance(result.distance_G[where], values[None, where], width, bins)[0]
            line = dict(color=style.colour(m), width=2.2, dash=dash if curve else DASH[m])
            traces.append(dict(type="scatter", x=centres, y=style.array(y), mode="lines+markers", line=line,
                                     marker=dict(size=5, symbol=MARK[m]), hovertemplate=f"{METHODS[m]} {name}: %{{y:.3f}} at "
                                     "distance %{x:.2f}<extra></extra>"))
    title = "mean σ" if curve else "mean confidence" if scene.quantity == "mean" else "mean (nats)"
    ranges = [0, SPREAD] if curve else [0.5, 1.0] if scene.quantity == "mean" else [0, 0.72]
    return style.figure(traces, x="distance to the nearest sample", y=title, yaxis_range=ranges, showlegend=False)


def averaging(result: Result) -> go.Figure:
    """Error of the mean of T against T, and how far T passes of the dropout net are from its limit."""
    curve = result.problem == "curve"
    traces: list[object] = []
    lowest = []
    for m in METHODS:
        S = len(result.passes[m])
        counts = sorted({*range(1, min(S, 10) + 1), *(round(v) for v in np.geomspace(min(S, 10), S, 8))})
        error = style.array(uncertainty.error_of_mean(result.tests[m], result.target_B, counts))
        lowest.append(float(error.min()))
        traces.append(dict(type="scatter", x=counts, y=error, mode="lines", line=_line(m), name=METHODS[m],
                                 hovertemplate=f"{METHODS[m]}: %{{y:.3g}} with T = %{{x}}<extra></extra>"))
    if result.limit_rms is not None and result.limit_theory is not None and float(result.limit_rms.max()) > 1e-6:
        traces.append(dict(type="scatter", x=list(result.counts), y=style.array(result.limit_rms), mode="markers",
                                 marker=dict(color=style.colour("mc_dropout"), size=9, symbol="circle-open", line=dict(width=2)),
                                 hovertemplate="from the limit: %{y:.3g} with T = %{x}<extra></extra>"))
        traces.append(style.theory(list(result.counts), result.limit_theory, "σ/√T"))
        lowest.append(float(result.limit_rms.min()))
    top = max(float(np.max(t["y"])) for t in traces)
    return style.figure(traces, x="passes averaged, T", y="RMS error" if curve else "√ Brier score", showlegend=False,
                        xaxis=dict(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200]),
                        yaxis=dict(type="log", tickvals=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
                                   range=[np.log10(min(lowest) * 0.8), np.log10(top * 1.3)]))


def calibration(result: Result, scene: Config) -> go.Figure:
    """Does 90 % mean 90 %? Coverage of intervals on the curve, a reliability diagram on the moons."""
    T = shown(result, scene)
    traces: list[object] = [style.theory([0, 1], [0, 1], "calibrated", hoverinfo="skip")]
    if result.problem == "curve":
        among = result.region_G == IN_DATA
        for m in METHODS:
            covered = lesson.coverage(result, m, T, LEVELS)
            for where, name, dash in ((among, "among the data", "solid"), (~among, "elsewhere", "dot")):
                traces.append(dict(type="scatter", x=style.array(LEVELS), y=style.array(covered[:, where].mean(1)), mode="lines",
                                         line=dict(color=style.colour(m), width=2.2, dash=dash),
                                         hovertemplate=f"{METHODS[m]} {name}: %{{y:.0%}} inside the %{{x:.0%}} interval"
                                         "<extra></extra>"))
        return style.figure(traces, x="level of the interval", y="share inside", xaxis_range=[0, 1], yaxis_range=[0, 1.02],
                            xaxis_tickformat=".0%", yaxis_tickformat=".0%", showlegend=False)
    for m in METHODS:
        mean = result.tests[m][: counted(result, m, T)].double().mean(0)
        curve = reliability(mean[None], result.target_B.long(), bins=10)
        full = curve.count > 0
        traces.append(dict(type="scatter",
            x=style.array(curve.confidence[full]), y=style.array(curve.accuracy[full]), customdata=curve.count[full].numpy(),
            mode="lines+markers", line=_line(m), marker=dict(size=7, symbol=MARK[m]),
            hovertemplate=f"{METHODS[m]}: %{{x:.0%}} sure, %{{y:.0%}} right, %{{customdata}} samples<extra></extra>"))
    return style.figure(traces, x="confidence", y="share right", xaxis_range=[0.48, 1.02], yaxis_range=[0, 1.05],
                        xaxis_tickformat=".0%", yaxis_tickformat=".0%", showlegend=False)
