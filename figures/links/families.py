"""The map of the four families: every lesson where it stands, its name a link to its page."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from core.lessons.links.families import ALL, EDGES, FAMILIES, placed
from figures import style
from figures.kinds import Table

COLUMN = {family: 2.0 * k for k, family in enumerate(FAMILIES)}
REACH = 1.45  # of a family to both sides of its column: neighbours overlap, and a lesson of both stands there
# The rows of the lessons, so that no name meets another and no line passes through one.
ROWS = {
    "weight_penalties": 6, "early_stopping": 4.4, "initialisation": 3.4, "optimisers": 2.5, "loss_landscapes": 1.4,
    "exploding_gradients": 0, "batch_norm": 4.6, "noise": 6, "mixup": 4, "augmentation": 2, "batches": 0.6, "dropout": 4.6,
    "dropout_uncertainty": 6, "bagging": 4, "boosting": 2, "mean_teacher": 2.7, "parameter_sharing": 6, "multi_task": 4,
}
SIDES = (-0.95, 6.95)
FOOT = -1.45  # of what all four families act on
LINES = {"exact": ("exact", "solid"), "approximate": ("approximate", "solid"), "analogy": ("muted", "dot")}


def places() -> dict[str, tuple[float, float]]:
    """Where each lesson of the catalogue stands: its slug to x and y."""
    every = [entry.slug for entry, families, _ in placed() if families == ALL]
    found = {slug: (6 * (k + 0.5) / len(every), FOOT) for k, slug in enumerate(every)}
    for entry, families, _ in placed():
        if families != ALL:
            found[entry.slug] = sum(COLUMN[name] for name in families) / len(families), float(ROWS[entry.slug])
    return found


def _name(text: str) -> str:
    """A name of two words on two lines."""
    return "<br>".join(text.rsplit(" ", 1))


def family_map() -> go.Figure:
    """Four overlapping families of lessons, and below them what they all act on; lines join methods that are linked."""
    where = places()
    traces: list[style.Trace] = []
    for kind, (hue, dash) in LINES.items():
        x, y, said = [], [], []
        for edge in EDGES:
            if edge.kind == kind and edge.one in where and edge.two in where:
                (x0, y0), (x1, y1) = where[edge.one], where[edge.two]
                x += [x0, (x0 + x1) / 2, x1, None]
                y += [y0, (y0 + y1) / 2, y1, None]
                said += [f"{kind}: {edge.why}"] * 4
        traces.append(dict(type="scatter", x=x, y=y, mode="lines", text=said, hovertemplate="%{text}<extra></extra>", name=kind,
                           line=dict(color=style.colour(hue), width=3, dash=dash)))
    fields = [(max(x - REACH, SIDES[0]), min(x + REACH, SIDES[1]), -0.65, 7.35) for x in COLUMN.values()]
    fields.append((*SIDES, FOOT - 0.6, FOOT + 0.6))
    shapes = [dict(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, layer="below", fillcolor=style.colour("axis", 0.16),
                   line=dict(color=style.colour("axis"), width=1)) for x0, x1, y0, y1 in fields]
    notes: list[dict[str, Any]] = [dict(x=COLUMN[family], y=7, text=f"<b>{name}</b>", showarrow=False,
                                        font=dict(color=style.INK)) for family, name in FAMILIES.items()]
    for entry, _, _ in placed():
        # The space without width keeps Plotly from making a second link of the ground of a name.
        x, y = where[entry.slug]
        notes.append(dict(x=x, y=y, showarrow=False, text=f'<a href="{entry.slug}" target="_self">{_name(entry.name)}</a>\u200b',
                          font=dict(color=style.INK), bgcolor=style.PAPER, borderpad=1))
    hidden = dict(visible=False, fixedrange=True)
    return style.figure(traces, xaxis={**hidden, "range": [SIDES[0] - 0.05, SIDES[1] + 0.05]},
                        yaxis={**hidden, "range": [FOOT - 0.7, 7.45]}, annotations=notes, shapes=shapes, showlegend=False)


def family_table() -> Table:
    """What each lesson does as one of its families."""
    rows = [(entry.name, "all" if of == ALL else " and ".join(FAMILIES[name].lower() for name in of), how)
            for entry, of, how in placed()]
    return Table(columns=("lesson", "family", "how"), rows=tuple(rows))


def legend() -> list[tuple[str, str, str]]:
    return [("analogy: a likeness, no equation", style.colour("muted"), "dot")]
