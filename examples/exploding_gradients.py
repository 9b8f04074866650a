"""A cliff in the loss of a recurrent unit: gradient descent without clipping, clipped by norm and clipped by value."""

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

T, TARGET, FIRST = 50, 0.2, 0.3
LEARNING_RATE, THRESHOLD, STEPS = 0.7, 0.2, 80

CLIP = {
    "none": lambda p: None,
    "norm": lambda p: clip_grad_norm_(p, THRESHOLD),
    "value": lambda p: clip_grad_value_(p, THRESHOLD),
}


def loss_of(theta: torch.Tensor) -> torch.Tensor:
    w, b = theta
    h = torch.tensor(FIRST, dtype=torch.float64)
    for _ in range(T):
        h = torch.tanh(w * h + b)
    return (h - TARGET) ** 2


def main() -> dict[str, dict[str, float]]:
    ends = {}
    for name, clip in CLIP.items():
        theta = torch.nn.Parameter(torch.tensor([2.15, -1.06], dtype=torch.float64))
        optimiser = torch.optim.SGD([theta], lr=LEARNING_RATE)
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss_of(theta).backward()
            clip([theta])
            optimiser.step()
        w, b = theta.tolist()
        ends[name] = {"w": w, "b": b, "loss": loss_of(theta).item()}
        print(f"{name:6s} ends at w = {w:.2f}, b = {b:.2f} with loss {ends[name]['loss']:.1e}")
    return ends


if __name__ == "__main__":
    main()
