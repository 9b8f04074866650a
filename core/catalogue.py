"""The lessons, in the lecture's order. The only list of them: navigation, home, tests and benchmarks read it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True)
class Lesson:
    """One page."""

    slug: str
    name: str  # short, in menus
    title: str  # the claim
    part: str
    question: str
    source: str  # the lecture's own heading

    def module(self) -> ModuleType:
        """`core.lessons.<slug>`; imported on demand, because it imports torch."""
        return import_module(f"core.lessons.{self.slug}")


PARTS = (
    "Optimisation",
    "Constrain parameters",
    "Augment data",
    "Add randomness",
    "Ensembles",
    "Semi-supervised and multi-task",
    "Links",
)

LESSONS = (
    Lesson(
        slug="risk",
        name="Risk",
        title="What we minimise is not what we want",
        part="Optimisation",
        question="As the model grows, where is the gap between training and truth widest?",
        source="Data generating distribution, training data and empirical risk",
    ),
    Lesson(
        slug="batches",
        name="Batches",
        title="Small batches are noisy, and the noise falls slowly as they grow",
        part="Optimisation",
        question="What happens to the noise of a gradient when the batch grows fourfold?",
        source="Large batches and small batches",
    ),
    Lesson(
        slug="surrogate_losses",
        name="Surrogate losses",
        title="Nets are trained on a stand-in for the error",
        part="Optimisation",
        question="Which loss lets one outlier move the boundary most?",
        source="Surrogate losses",
    ),
    Lesson(
        slug="loss_landscapes",
        name="Loss landscapes",
        title="Training walks on a landscape, and the net's design shapes it",
        part="Optimisation",
        question="Is the loss around a trained net a bowl, a ravine or a mountain range?",
        source="Local minima, non-identifiability and “a good enough solution”",
    ),
    Lesson(
        slug="optimisers",
        name="Optimisers",
        title="Optimisers take different ways from one start, not all downhill",
        part="Optimisation",
        question="From the same start, which method settles at a minimum first, and which do not arrive at all?",
        source="Algorithms: SGD, momentum, adaptive methods, high-order derivatives",
    ),
    Lesson(
        slug="exploding_gradients",
        name="Exploding gradients",
        title="Through many steps a gradient can explode or die, and clipping bounds each step",
        part="Optimisation",
        question="What becomes of gradient descent without clipping at a cliff?",
        source="Gradient explosion",
    ),
    Lesson(
        slug="initialisation",
        name="Initialisation",
        title="A start must break the symmetry, and should keep the signal's size",
        part="Optimisation",
        question="From which start does a deep net train?",
        source="Parameter initialisation, wrt. symmetry, depth etc.",
    ),
    Lesson(
        slug="batch_norm",
        name="Batch norm",
        title="Batch norm re-centres and re-scales, then lets the net undo it",
        part="Optimisation",
        question="What comes out of the layer when everything that goes in is doubled?",
        source="Reparameterisation for optimising deep networks: batch normalisation and variants",
    ),
    Lesson(
        slug="early_stopping",
        name="Early stopping",
        title="The best net is the one you met on the way",
        part="Optimisation",
        question="When should training stop if some of the labels are wrong?",
        source="CE and early stopping based on validation set",
    ),
    Lesson(
        slug="weight_penalties",
        name="Weight penalties",
        title="L1 holds weights at zero, L2 only lets them pass through",
        part="Constrain parameters",
        question="Which weight does L1 hold at zero first, and does L2 hold any?",
        source="Weight decay by penalising L²- and L¹-norms",
    ),
    Lesson(
        slug="parameter_sharing",
        name="Parameter sharing",
        title="Shared weights move with the picture, run on with the sequence, or are only pulled together",
        part="Constrain parameters",
        question="What does a shift of two pixels cost a net that shares its weights, and one that does not?",
        source="Parameter sharing: CNN, RNN, parameter tying",
    ),
    Lesson(
        slug="augmentation",
        name="Augmentation",
        title="A transform helps only where the label stays true",
        part="Augment data",
        question="Which transform breaks the label?",
        source="Augment data: geometric, colour, imaging-specific, spatial, generative",
    ),
    Lesson(
        slug="mixup",
        name="Mixup",
        title="Mixup trains on points that lie between two samples",
        part="Augment data",
        question="How sure is a net half-way between two classes?",
        source="The “mixup”",
    ),
    Lesson(
        slug="noise",
        name="Noise",
        title="Noise on inputs or weights smooths a net, noise on labels keeps it from being too sure",
        part="Add randomness",
        question="How sure should a net be that learns from smoothed labels?",
        source="Noise on inputs, weights and labels",
    ),
    Lesson(
        slug="dropout",
        name="Dropout",
        title="Dropout trains thinned nets that share their weights, and tests one full net in their place",
        part="Add randomness",
        question="While units are dropped, is the training loss above or below the test loss?",
        source="Dropout",
    ),
    Lesson(
        slug="bagging",
        name="Bagging",
        title="An average gains as far as its members differ",
        part="Ensembles",
        question="What becomes of the average as its members grow more alike?",
        source="Bagging, bootstrap aggregating; majority voting",
    ),
    Lesson(
        slug="boosting",
        name="Boosting",
        title="Boosting adds up weak learners, each trained on what the others got wrong",
        part="Ensembles",
        question="Which points will weigh most after five rounds?",
        source="Boosting",
    ),
    Lesson(
        slug="dropout_uncertainty",
        name="Dropout uncertainty",
        title="Keep dropout on at test time, and sometimes the net tells you where it is guessing",
        part="Ensembles",
        question="Where does each method admit that it does not know?",
        source="Test-time dropout for ensemble and uncertainty estimation",
    ),
    Lesson(
        slug="mean_teacher",
        name="Mean teacher",
        title="A student learns from a few labels and from its own average",
        part="Semi-supervised and multi-task",
        question="Can a net teach itself where the labels are missing?",
        source="Semi-supervised learning: supervised label, teacher's prediction",
    ),
    Lesson(
        slug="multi_task",
        name="Multi-task",
        title="One model for several tasks can help where the tasks agree, and harm where they do not",
        part="Semi-supervised and multi-task",
        question="At what relatedness does sharing start to help?",
        source="Parameter sharing: multi-task learning",
    ),
    Lesson(
        slug="regulariser_bench",
        name="Regulariser bench",
        title="Whether a regulariser beats early stopping depends on the problem",
        part="Links",
        question="With the same search for each, which regularisers end below early stopping?",
        source="The regularisers of all parts on one problem",
    ),
    Lesson(
        slug="links",
        name="Links",
        title="Some regularisers are one idea in two clothes, some only look alike",
        part="Links",
        question="Which of these pairs are the same, and where do the rest part?",
        source="Links between regularisation methods",
    ),
)

# What the lecture speaks of, and the slugs of the lessons that show it. The search on the home page looks here too.
IDEAS = {
    "the risk J*, the training distribution, the empirical risk J": "risk",
    "mini-batches; large and small batches; “regularising for generalisability”": "batches",
    "surrogate losses; cross-entropy and the error": "surrogate_losses",
    "early stopping on a validation set": "early_stopping links regulariser_bench",
    "local minima, non-identifiability, “a good enough solution”": "loss_landscapes",
    "gradient explosion": "exploding_gradients",
    "SGD, mini-batch gradient descent, momentum": "optimisers",
    "parameter initialisation: symmetry, depth": "initialisation",
    "high-order derivatives: Newton's method, conjugate gradient": "optimisers",
    "past derivatives: AdaGrad, RMSProp; adaptive momentum: Adam": "optimisers",
    "reparameterisation: batch normalisation and variants, scale and shift": "batch_norm",
    "L²- and L¹-norms, the Gaussian prior, sparsity": "weight_penalties links",
    "parameter sharing: CNN, RNN, tying": "parameter_sharing links",
    "geometric and spatial transformation: flip, crop, rotation, affine, non-linear": "augmentation",
    "colour space: RGB, intensity, contrast": "augmentation",
    "imaging-specific: photometric, speckle, bias field, projective": "augmentation",
    "generative models": "augmentation",
    "mixup": "mixup links",
    "augmented inputs, noise on weights, label smoothing": "noise links",
    "dropout": "dropout links",
    "model averaging: bagging, weighted averaging, majority voting": "bagging",
    "boosting: weak learners into a strong one": "boosting",
    "test-time dropout for ensembles and uncertainty": "dropout_uncertainty",
    "semi-supervised learning: labelled and unlabelled data, P(y given x) and P(x)": "mean_teacher",
    "laparoscopic video segmentation; student, teacher, moving average, random affine transforms": "mean_teacher",
    "multi-task learning: task index z, shared and task-specific parameters, negative transfer": "multi_task",
    "concatenation, summation; gating, multi-head": "multi_task",
    "links between regularisation methods": "links regulariser_bench",
}

# Not a lesson of the lecture: no scene of it is ever over, and its page is ui/play.py's.
PLAYGROUND = Lesson(
    slug="playground",
    name="Playground",
    title="Change anything while it trains",
    part="",
    question="One net that trains without end: what does each knob do to its boundary, its units and its losses?",
    source="",
)


def ideas(slug: str) -> list[str]:
    """What of the lecture the lesson shows."""
    return [idea for idea, slugs in IDEAS.items() if slug in slugs.split()]


def lesson(slug: str) -> Lesson:
    """The lesson of that name. Raises KeyError for a name that is not in the catalogue."""
    for entry in LESSONS:
        if entry.slug == slug:
            return entry
    raise KeyError(slug)
