"""Batch, layer and group normalisation of K models at once.

x̂ = (z - μ)/√(σ² + ε), with σ² the biased variance over the normalised axis: the batch (batch norm, Ioffe and
Szegedy 2015), all features of a sample (layer norm, Ba et al. 2016) or the features of a group (group norm,
Wu and He 2018). Layer norm is group norm with one group.

Shapes: K models, H features, n samples, G groups. Statistics lie along axis 2 of z, seen as [K, H, n] for
batch norm and as [K, G, H/G, n] otherwise.
"""

from dataclasses import dataclass

from torch import Tensor

NORMS = ("batch", "layer", "group")


@dataclass(frozen=True)
class RunningStats:
    """Batch norm's running mean and variance, [K, total hidden width] each: all hidden layers side by side.

    Updated in place by forward passes with `train=True`. As in torch the running variance averages the
    unbiased batch variances while the pass itself divides by the biased one.
    """

    mean: Tensor
    var: Tensor

    def clone(self) -> "RunningStats":
        return RunningStats(self.mean.clone(), self.var.clone())

    def rows(self, start: int, stop: int) -> "RunningStats":
        """The statistics of models start..stop-1, as views."""
        return RunningStats(self.mean[start:stop], self.var[start:stop])

    def layer(self, part: slice) -> "RunningStats":
        """The statistics of one hidden layer, [K, H], as views."""
        return RunningStats(self.mean[:, part], self.var[:, part])

    def update(self, mean: Tensor, var: Tensor, n: int, momentum: float) -> None:
        """Move towards a batch's mean and biased variance [K, H, 1], taken over n samples."""
        self.mean.lerp_(mean.detach().squeeze(2), momentum)
        self.var.lerp_(var.detach().squeeze(2) * (n / (n - 1)), momentum)


def _grouped(z: Tensor, groups: int | None) -> Tensor:
    return z if groups is None else z.reshape(z.shape[0], groups, -1, z.shape[2])


def normalise(z: Tensor, groups: int | None, epsilon: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x̂ [K, H, n], then 1/√(σ² + ε), μ, σ² with a 1 on the normalised axis; groups=None: batch norm."""
    view = _grouped(z, groups)
    # In two passes: torch.var_mean is several times slower, above all across a middle axis.
    mean = view.mean(2, keepdim=True)
    centred = view - mean
    var = centred.square().mean(2, keepdim=True)
    scale = (var + epsilon).rsqrt()
    return (centred * scale).reshape(z.shape), scale, mean, var


def normalise_running(z: Tensor, stats: RunningStats, epsilon: float) -> tuple[Tensor, Tensor]:
    """x̂ [K, H, n] and 1/√(σ² + ε) [K, H, 1] under running statistics."""
    scale = (stats.var + epsilon).rsqrt().unsqueeze(2)
    return (z - stats.mean.unsqueeze(2)) * scale, scale


def normalise_backward(d: Tensor, xhat: Tensor, scale: Tensor, groups: int | None) -> Tensor:
    """dJ/dz [K, H, n] from d = dJ/dx̂, where the statistics depend on z."""
    g, x = _grouped(d, groups), _grouped(xhat, groups)
    centred = g - g.mean(2, keepdim=True) - x * (g * x).mean(2, keepdim=True)
    return (centred * scale).reshape(d.shape)
