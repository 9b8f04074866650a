"""The segmentation network against four nn.Conv2d: starts, outputs, gradients, training, shifts."""

import pytest
import torch
from torch import Tensor, nn

from core.engine import SegmentationNet, generators, normals

from .networks import check_rows, check_start, check_training, check_weight_mask, close, float64

K, N = 3, 4
GREY, COLOUR = SegmentationNet(widths=(3, 5)), SegmentationNet(2, (4, 3), 3)


class Module(nn.Module):
    def __init__(self, net: SegmentationNet) -> None:
        super().__init__()
        full, half = net.widths
        self.conv1, self.conv2 = nn.Conv2d(net.channels, full, 3, padding=1), nn.Conv2d(full, half, 3, padding=1)
        self.conv3, self.conv4 = nn.Conv2d(full + half, full, 3, padding=1), nn.Conv2d(full, net.classes, 1)
        self.pool, self.up = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        e = self.conv1(x.permute(3, 0, 1, 2)).relu()
        m = self.conv2(self.pool(e)).relu()
        u = self.conv3(torch.cat([e, self.up(m)], 1)).relu()
        return self.conv4(u).permute(1, 2, 3, 0)


def problem(net, shared_x=False, size=(6, 8)):
    """theta [K, P] and x [1 or K, C, *size, N]."""
    theta = net.init(generators(range(K)), dtype=float64)
    return theta, normals(generators(range(9, 10 if shared_x else 9 + K)), net.channels, *size, N, dtype=float64)


CASES = pytest.mark.parametrize(
    ("net", "build"), [(net, lambda net=net: Module(net)) for net in (GREY, COLOUR)], ids=["grey", "colour"]
)


@CASES
def test_start_is_the_module_of_the_same_seed(net, build):
    check_start(net, build)
    check_weight_mask(net, build)


@CASES
@pytest.mark.parametrize("shared_x", [False, True])
@pytest.mark.parametrize("size", [(6, 8), (2, 2)])
def test_output_and_gradient_equal_torch_row_by_row(net, build, shared_x, size):
    check_rows(net, build, *problem(net, shared_x, size))


@CASES
def test_training_equals_torch_step_for_step(net, build):
    check_training(net, build, *problem(net))


def test_an_even_shift_moves_the_mask_away_from_the_border():
    theta, x = problem(GREY, size=(24, 24))
    inside = slice(8, -8)  # an output pixel sees inputs up to 5 away
    out = GREY.forward(theta, x)

    def pair(*shift):
        """The output of shifted images, and the shifted output."""
        both = GREY.forward(theta, x.roll(shift, (2, 3))), out.roll(shift, (2, 3))
        return [o[:, :, inside, inside] for o in both]

    close(*pair(2, -2))
    assert (torch.sub(*pair(1, 0)).abs() > 1e-3).any()  # pooling meets other pairs of pixels


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: SegmentationNet(channels=0), "channels"),
        (lambda: SegmentationNet(classes=0), "classes"),
        (lambda: SegmentationNet(widths=(8,)), "widths"),  # pyright: ignore[reportArgumentType]
        (lambda: SegmentationNet(widths=(8, 0)), "widths"),
        (lambda: GREY.forward(*problem(GREY, size=(5, 8))), "x"),
        (lambda: GREY.forward(*problem(GREY, size=(6, 7))), "x"),
        (lambda: GREY.forward(torch.zeros(1, 3), torch.zeros(1, 1, 4, 4, 1)), "theta"),
    ],
)
def test_errors_name_the_field(make, field):
    with pytest.raises(ValueError, match=f"^{field}[=:]"):
        make()


def test_is_hashable_and_left_to_autograd():
    assert hash(SegmentationNet(widths=[3, 5])) == hash(GREY)  # pyright: ignore[reportArgumentType]
    assert GREY.kernel(problem(GREY)[0], N) is None
