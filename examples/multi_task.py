"""Two linear tasks, related or opposite: separate least squares against one shared model, in plain PyTorch."""

import math

import torch

D, N, NOISE = 4, 12, 1.0


def test_losses(relatedness, generator):
    u, v = torch.linalg.qr(torch.randn(D, 2, generator=generator, dtype=torch.float64)).Q.T
    a, b = math.sqrt((1 + relatedness) / 2), math.sqrt((1 - relatedness) / 2)
    truths = [a * u + b * v, a * u - b * v]
    x = [torch.randn(N, D, generator=generator, dtype=torch.float64) for _ in truths]
    y = [x_t @ w + NOISE * torch.randn(N, generator=generator, dtype=torch.float64) for x_t, w in zip(x, truths, strict=True)]
    separate = [torch.linalg.lstsq(x_t, y_t).solution for x_t, y_t in zip(x, y, strict=True)]
    shared = torch.linalg.lstsq(torch.cat(x), torch.cat(y)).solution
    return (sum((found - w).square().sum().item() for found, w in zip(separate, truths, strict=True)) / 2,
            sum((shared - w).square().sum().item() for w in truths) / 2)


def main(seeds=400):
    numbers = {}
    for relatedness in (-1.0, 0.0, 0.75, 1.0):
        generator = torch.Generator().manual_seed(0)
        both = torch.tensor([test_losses(relatedness, generator) for _ in range(seeds)]).mean(0)
        numbers[f"separate_{relatedness:g}"], numbers[f"shared_{relatedness:g}"] = both.tolist()
    for name, value in numbers.items():
        print(f"{name:14} {value:.3f}")
    return numbers


if __name__ == "__main__":
    main()
