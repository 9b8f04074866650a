"""The same in plain PyTorch."""

import torch


def main() -> dict[str, float]:
    x = torch.randn(50, generator=torch.Generator().manual_seed(0))
    numbers = {"mean": x.mean().item()}
    print(numbers)
    return numbers


if __name__ == "__main__":
    main()
