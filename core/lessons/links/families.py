"""The lecture's last slide as a map: four families of regularisation, and where each lesson stands.

A lesson of two families stands on the border of both. `ALL` stands for what all four act on, or compare.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.catalogue import LESSONS, Lesson

# In this order each two that share a lesson are neighbours.
FAMILIES = {"constrain": "Constrain", "noise": "Add noise", "average": "Average", "share": "Share"}
ALL = tuple(FAMILIES)

# slug: (its families, what it does as one of them)
PLACES: dict[str, tuple[tuple[str, ...], str]] = {
    "risk": (ALL, "what all of them lower: the gap between training and truth"),
    "surrogate_losses": (ALL, "what they are added to: the loss that is trained in place of the error"),
    "loss_landscapes": (("constrain",), "architecture: skip connections smooth what training walks on"),
    "optimisers": (("constrain",), "strategy: the method chooses among minima"),
    "exploding_gradients": (("constrain",), "clipping bounds each step"),
    "initialisation": (("constrain",), "training stays near where it starts"),
    "early_stopping": (("constrain",), "weights stay where a few steps reach"),
    "weight_penalties": (("constrain",), "weights are held near zero"),
    "batch_norm": (("constrain", "noise"), "scale is taken out, and a sample's output depends on its batch"),
    "batches": (("noise",), "each gradient is of a random batch"),
    "augmentation": (("noise",), "inputs are transformed at random"),
    "mixup": (("noise",), "samples are mixed at random"),
    "noise": (("noise",), "random noise on inputs, weights and labels"),
    "dropout": (("noise", "average"), "random masks, whose nets are averaged"),
    "bagging": (("average",), "members trained on resampled data"),
    "boosting": (("average",), "a weighted sum of weak learners"),
    "dropout_uncertainty": (("average",), "thinned nets averaged at test time"),
    "mean_teacher": (("average", "share"), "the teacher averages its student's weights, and both learn one task"),
    "parameter_sharing": (("share",), "one weight used at many places, in a picture or in time"),
    "multi_task": (("share",), "tasks use the same weights"),
    "links": (ALL, "you are here"),
    "regulariser_bench": (ALL, "all of them on one problem"),
}


@dataclass(frozen=True)
class Edge:
    """Two lessons whose methods are compared here or are alike. kind: exact, approximate, or analogy: a likeness, no equation."""

    one: str
    two: str
    kind: str
    why: str


EDGES = (
    Edge("noise", "weight_penalties", "exact", "noise on the inputs of a linear model is L2"),
    Edge("dropout", "weight_penalties", "exact", "dropout of a linear model is an adaptive L2"),
    Edge("dropout", "dropout_uncertainty", "approximate", "halved weights stand for the mean of thinned nets"),
    Edge("mixup", "noise", "exact", "mixup is label smoothing with noise, rewritten"),
    Edge("early_stopping", "weight_penalties", "approximate", "time acts as an inverse penalty"),
    Edge("parameter_sharing", "multi_task", "approximate", "a strong tie is nearly a shared weight"),
    Edge("mean_teacher", "bagging", "analogy", "weights are averaged over steps, not predictions over members"),
    Edge("augmentation", "mixup", "analogy", "both make new samples; a transform keeps the label, mixup mixes it"),
    Edge("boosting", "bagging", "analogy", "both add up learners; one lowers bias, one variance"),
)


def placed() -> list[tuple[Lesson, tuple[str, ...], str]]:
    """Every lesson of the catalogue with its families and what it does there. Raises KeyError for one without a place."""
    return [(entry, *PLACES[entry.slug]) for entry in LESSONS]
