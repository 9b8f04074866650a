"""Many small models trained at once: a model is one row.

The parameters of K models are one tensor theta [K, P]; weights are views into it. A sweep, a set of learning
rates, an ensemble, a landscape or a decision surface is then row algebra: 41 x 41 points of a landscape are
one forward pass of 1,681 rows. Gradients come from backpropagation by hand for the common MLP and from
autograd for anything else, under one contract (loss [K], gradient [K, P]). Each row draws from its own
generator, so that row k never depends on K.

    mlp = MLP(sizes=(2, 16, 16, 1))
    rngs = generators(range(8))
    theta = mlp.init(rngs)
    for progress in train(mlp, theta, x, y, binary_cross_entropy, Adam(1e-2), steps=500, generators=rngs):
        ...

Shapes: K models, P parameters, d inputs, H features of a hidden layer, C outputs, n samples (N of a data set,
B of a batch). theta_KP [K, P]; shared data x [1, d, N], per-model data [K, d, N]; activations [K, H, n]; out
[K, C, n]; labels [1 or K, C, n], or class indices [1 or K, n].
"""

from .backprop import Backprop
from .conditioned import ConditionedMLP
from .conv import ConvNet
from .conv_backprop import ConvBackprop
from .convolution import Conv
from .layered import Layer
from .losses import Loss, binary_cross_entropy, cross_entropy, exponential, hinge, squared
from .mlp import MLP, Activations
from .network import Entry, Kernel, Network
from .noise import InputNoise, WeightNoise, smooth_labels
from .norms import RunningStats
from .objective import Autograd, Objective, Supervised, Watch, autograd_gradient
from .optimisers import SGD, AdaGrad, Adam, AdamW, Optimiser, RMSProp, State
from .penalties import L1, L2, ElasticNet, Penalty, max_norm, soft_threshold
from .progress import Progress
from .random import Generators, bernoulli, generators, normals, permutations, spawn, uniforms
from .recurrent import Recurrent
from .schedules import Schedule, cosine, exponential_decay, step_decay, warmup
from .segmentation import SegmentationNet
from .single import Single
from .train import minibatches, train
from .trainer import MovingAverage, Trainer

__all__ = [
    "L1",
    "L2",
    "MLP",
    "SGD",
    "Activations",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Autograd",
    "Backprop",
    "ConditionedMLP",
    "Conv",
    "ConvBackprop",
    "ConvNet",
    "ElasticNet",
    "Entry",
    "Generators",
    "InputNoise",
    "Kernel",
    "Layer",
    "Loss",
    "MovingAverage",
    "Network",
    "Objective",
    "Optimiser",
    "Penalty",
    "Progress",
    "RMSProp",
    "Recurrent",
    "RunningStats",
    "Schedule",
    "SegmentationNet",
    "Single",
    "State",
    "Supervised",
    "Trainer",
    "Watch",
    "WeightNoise",
    "autograd_gradient",
    "bernoulli",
    "binary_cross_entropy",
    "cosine",
    "cross_entropy",
    "exponential",
    "exponential_decay",
    "generators",
    "hinge",
    "max_norm",
    "minibatches",
    "normals",
    "permutations",
    "smooth_labels",
    "soft_threshold",
    "spawn",
    "squared",
    "step_decay",
    "train",
    "uniforms",
    "warmup",
]
