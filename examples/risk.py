"""Empirical and expected risk of polynomials, from too simple to far past interpolation."""

import math

import torch

N, SIGMA, POWERS = 12, 0.3, 200


def truth(x):
    return torch.sin(1.5 * math.pi * x)


def features(x, p):
    """Legendre polynomials of degree 0 to p - 1, of mean square one, the rough ones scaled down."""
    columns = [torch.ones_like(x), x]
    for j in range(1, POWERS - 1):
        columns.append(((2 * j + 1) * x * columns[-1] - j * columns[-2]) / (j + 1))
    j = torch.arange(p, dtype=x.dtype)
    return torch.stack(columns[:p], 1) * torch.sqrt(2 * j + 1) / (1 + j)


def main():
    g = torch.Generator().manual_seed(0)
    u = torch.rand(24, generator=g, dtype=torch.float64)[:N]  # the first of a pool of 24
    noise = torch.randn(24, generator=g, dtype=torch.float64)[:N]
    x = 2 * (torch.arange(N) + u) / N - 1  # one sample in each of N equal cells
    y = truth(x) + SIGMA * noise
    everywhere = torch.linspace(-1, 1, 200_001, dtype=torch.float64)
    out = {}
    for p in (3, 6, 12, 24, 200):
        theta = torch.linalg.pinv(features(x, p)) @ y  # least squares, of least norm where many fit
        out[f"J {p}"] = (y - features(x, p) @ theta).square().mean().item()
        miss = (truth(everywhere) - features(everywhere, p) @ theta).square()
        out[f"J* {p}"] = SIGMA**2 + torch.trapezoid(miss, everywhere).item() / 2
        print(f"p = {p:3d}   J = {out[f'J {p}']:9.3g}   J* = {out[f'J* {p}']:9.3g}")
    return out


if __name__ == "__main__":
    main()
