"""Pictures of augmentation: draws of a chain, what they do to levels, and where free-form deformations fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor

from core.formatting import format_percent
from core.lessons.augmentation.chain import LINES
from core.lessons.augmentation.lesson import BINS, DRAWS, RATIOS, Config, Result, Transformed
from core.lessons.augmentation.subjects import OWN
from core.lessons.augmentation.words import ASKED, look, mirror_shares
from core.transforms import ffd
from figures import style
from figures.augmentation import nets
from figures.kinds import Cell, ImageGrid, Overlay, Table, outline, polylines
from figures.wire import Blob, image_blob


def legend(scene: Config) -> list[tuple[str, str, str]]:
    if scene.part == "transforms":
        return [("The picture as it is", style.colour("erm"), "solid"), ("After the chain", style.colour("moved"), "solid")]
    return nets.legend(scene)


def _blob(level: Tensor) -> Blob:
    return image_blob((255 * level).round().byte().movedim(0, -1).numpy())


def setup(t: Transformed) -> ImageGrid:
    """The picture before anything is done to it."""
    return ImageGrid(cells=(Cell(images=(_blob(t.level),), alt=t.subject.label),), columns=1)


def draws(t: Transformed, scene: Config) -> ImageGrid:
    """The picture and its draws, with what was moved along."""
    straight = _lattice(t.level.shape[-2:]) if t.lines is not None else ""
    label = "yours, as it is" if t.subject.name == OWN else "as it is"
    first = Cell(images=(_blob(t.level),), labels=(label,), alt=f"the picture {label}",
                 overlays=tuple(_over(t, straight, t.mask, t.marks)) if scene.over else ())
    cells: list[Cell | None] = [first]
    for k in range(DRAWS):
        if k >= len(t.images):
            cells.append(None)
            continue
        lines = "" if t.lines is None else _broken(t.lines[k].numpy())
        over = _over(t, lines, None if t.masks is None else t.masks[k], t.moved[k], k, k == look(scene, t)) if scene.over else []
        if k == look(scene, t):
            over.append(_framed(t.level.shape[-2:]))
        cells.append(Cell(images=(_blob(t.images[k]),), labels=(_label(t, k),), alt=f"draw {k + 1}: {_label(t, k)}",
                          overlays=tuple(over)))
    return ImageGrid(cells=tuple(cells), columns=3)


def _label(t: Transformed, k: int) -> str:
    folded = 0 if t.determinant is None else int((t.determinant[k] <= 0).sum())
    broken, kept = ("label broken", "label true") if t.subject.name == "abdomen" else ("mirrored", "no mirror")
    parts = [broken] if bool(t.mirrored[k]) else [] if folded else [kept]
    parts += [f"{folded:,} px fold"] if folded else []
    return f"{k + 1}: {', '.join(parts)}"


def _framed(size: Any) -> Overlay:
    """A frame inside the edges of the draw that is looked at."""
    H, W = size
    return Overlay(paths=(polylines([[[2, 2], [W - 2, 2], [W - 2, H - 2], [2, H - 2], [2, 2], [W - 2, 2]]]),), colour=style.INK)


def _over(t: Transformed, lines: str, mask: Tensor | None, marks: Tensor, k: int = -1, seen: bool = False) -> list[Overlay]:
    """What is drawn over the picture, or over draw k; the bias field's line over the draw that is looked at."""
    found = [Overlay(paths=(lines,), colour=style.colour("moved"))] if lines else []
    if mask is not None:
        edges = "".join(outline((mask == label).numpy()) for label in mask.unique().tolist() if label)
        found.append(Overlay(paths=(edges,), colour=style.colour("harmless")))
    if seen and t.field is not None:
        found.append(Overlay(paths=(outline((t.field[k] > 1).numpy()),), colour=style.colour("synthetic"), dash="4 3"))
    if k >= 0 and t.determinant is not None and bool((t.determinant[k] <= 0).any()):
        found.append(Overlay(paths=(outline((t.determinant[k] <= 0).numpy()),), colour=style.colour("breaking"), filled=True))
    at = [place for place in marks.tolist() if np.isfinite(place[0])]
    if t.subject.name == "abdomen" and at and at[0] == marks[0].tolist():
        x, y = at.pop(0)
        found.append(Overlay(paths=(f"M{x - 10:.1f} {y:.1f}a10 10 0 1 0 20 0a10 10 0 1 0 -20 0Z",), filled=True,
                             colour=style.colour("harmless")))
    crosses = [[[x + a, y + b], [x - a, y - b]] for x, y in at for a, b in ((3, 3), (3, -3))]
    if crosses:
        found.append(Overlay(paths=(polylines(crosses),), colour=style.colour("harmless")))
    return found


def _lattice(size: Any) -> str:
    H, W = size
    across, down = np.linspace(0, W - 1, LINES), np.linspace(0, H - 1, LINES)
    return polylines([*([[x, 0], [x, H - 1]] for x in across), *([[0, y], [W - 1, y]] for y in down)])


def _broken(lines: np.ndarray) -> str:
    """Lines [L, n, 2] as a path, with a gap where a place is not finite or far outside."""
    paths = []
    for line in lines:
        good = np.isfinite(line).all(1) & (np.abs(np.nan_to_num(line)) < 1000).all(1)
        for part in np.split(np.arange(len(line)), np.flatnonzero(~good)):
            kept = part[good[part]]
            if len(kept) > 1:
                paths.append(polylines([line[kept]]))
    return "".join(paths)


def mirrors(t: Transformed) -> go.Figure:
    """How often each transform, alone, makes a mirror image."""
    shares = mirror_shares(t)
    names = [ASKED[name] for name in shares]
    values = 100 * np.array(list(shares.values()))
    bars = dict(type="bar", orientation="h", x=values, y=names, marker=dict(color=style.colour("breaking")), cliponaxis=False,
                text=[format_percent(share) for share in shares.values()], textposition="outside", textfont=dict(color=style.INK),
                hovertemplate="%{y}: %{x:.0f}\u00a0% of the draws are mirror images<extra></extra>")
    return style.figure([bars], x="mirror images (%)", xaxis_range=[0, max(60.0, 1.25 * float(values.max()))],
                        yaxis=dict(autorange="reversed", showgrid=False), showlegend=False)


def histogram(t: Transformed, scene: Config) -> go.Figure:
    """Levels before and after the draw that is looked at."""
    k, at = look(scene, t), style.array((np.arange(BINS) + 0.5) / BINS)
    traces = []
    for values, hue, name in ((t.before, "erm", "as it is"), (t.after[k], "moved", f"draw {k + 1}")):
        traces.append(dict(type="scatter", x=at, y=style.array(100 * values.clamp_min(1e-5)), mode="lines", name=name,
                           line=dict(color=style.colour(hue), width=2.5, shape="hvh"),
                           hovertemplate=f"{name}, level %{{x:.2f}}: %{{y:.2f}}\u00a0%<extra></extra>"))
    return style.figure(traces, x="level", y="values (%)", yaxis_type="log", yaxis_range=_decades(t), xaxis_range=[0, 1],
                        showlegend=False)


def _decades(t: Transformed) -> list[float]:
    """The powers of ten (%) between the least and the fullest bin that holds something, of the picture and all its draws."""
    shares = torch.cat([t.before, t.after.flatten()])
    ends = (100 * shares[shares > 0]).log10()
    high = min(2.0, float(ends.max()) + 0.1)
    return [min(float(ends.min()) - 0.1, high - 1), high]


def statistics(t: Transformed) -> Table:
    """Mean, spread and what was lost, of the picture and of each draw."""
    beyond = float(((t.subject.level < 0) | (t.subject.level > 1)).float().mean())
    rows: list[tuple[str | float, ...]] = [("as it is", float(t.level.mean()), float(t.level.std()), 100 * beyond, 0.0)]
    for k, image in enumerate(t.images):
        folded = 0.0 if t.determinant is None else float((t.determinant[k] <= 0).sum())
        rows.append((str(k + 1), float(image.mean()), float(image.std()), 100 * float(t.clipped[k]), folded))
    return Table(columns=("draw", "mean", "std", "clipped (%)", "folded (px)"), rows=tuple(rows), digits=2)


def folds(t: Transformed, scene: Config) -> go.Figure:
    """The part of the pixels that fold, against how far control points may move; dashed, the bound below which none do."""
    assert t.folded is not None
    here = scene.reach * scene.strength / scene.spacing
    top = max(1.0, 110 * float(t.folded.max()))
    line = dict(type="scatter", x=style.array(np.array(RATIOS)), y=style.array(100 * t.folded), mode="lines+markers",
                line=dict(color=style.colour("breaking"), width=2.5), marker=dict(color=style.colour("breaking"), size=7),
                cliponaxis=False, hovertemplate="reach %{x:.1f} spacings: %{y:.2f}\u00a0% folded<extra></extra>")
    bound = style.theory([ffd.SAFE, ffd.SAFE], [0, top], "below it nothing folds")
    now = dict(type="scatter", x=[here], y=[0], mode="markers", cliponaxis=False, hovertemplate="this scene<extra></extra>",
               marker=dict(color=style.INK, size=11, symbol="triangle-up"))
    return style.figure([line, bound, now], x="reach of control points (spacings)", y="folded pixels (%)", showlegend=False,
                        xaxis_range=[0, max(1.55, 1.05 * here)], yaxis_range=[-0.02 * top, top])


def field(t: Transformed, scene: Config) -> go.Figure:
    """The bias field of the draw that is looked at."""
    assert t.field is not None
    values = t.field[look(scene, t)][::4, ::4]
    n = float(values.log().abs().max()) or 1.0
    y, x = (4 * np.arange(size) for size in values.shape)
    sheet = dict(type="heatmap", x=style.array(x), y=style.array(y), z=style.array(values.log()), zmin=-n, zmax=n, zsmooth="fast",
                 colorscale=style.UNCERTAINTY, customdata=style.array(values), showscale=False,
                 hovertemplate="(%{x}, %{y}): times %{customdata:.2f}<extra></extra>")
    one = dict(type="contour", x=sheet["x"], y=sheet["y"], z=sheet["z"], showscale=False, hoverinfo="skip",
               line=dict(color=style.INK, width=2, dash="dash"), contours=dict(type="constraint", operation="=", value=0.0))
    return style.figure([sheet, one], x="x (px)", y="y (px)", equal=True, yaxis_range=[float(y[-1]), 0.0], showlegend=False,
                        xaxis_range=[0.0, float(x[-1])])


def thumbnail(result: Result, _: Config) -> dict[str, Any]:
    """The deformed lattice of the first draw."""
    t = result.transformed
    assert t is not None
    assert t.lines is not None
    H, W = t.level.shape[-2:]
    ends = t.lines[int(t.mirrored.int().argmax())].numpy()
    chosen = [ends[i] for i in (0, 3, 5, 6, 9, 11)]
    marks = [style.mark("line", line[:, 0], H - line[:, 1], "moved", width=3) for line in chosen]
    return style.thumbnail(*marks, x=(-25, W + 25), y=(-25, H + 25))
