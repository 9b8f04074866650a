"""Runs a command as if on an older processor: torch, MKL, NumPy and OpenBLAS take their plainest kernels, which round otherwise.

    python -m scripts.other_kernels python -m pytest tests/engine

What passes here and as usual does not lean on the last bits of one processor's arithmetic.
"""

from __future__ import annotations

import os
import platform
import sys

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__  # pyright: ignore


def environment() -> dict[str, str]:
    """The variables that choose the kernels; each library reads its own when it is loaded."""
    # NumPy refuses names of what this processor does not have.
    here = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    plain = {"ATEN_CPU_CAPABILITY": "default", "NPY_DISABLE_CPU_FEATURES": " ".join(here)}
    if platform.machine() in ("x86_64", "AMD64"):
        plain |= {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "OPENBLAS_CORETYPE": "Nehalem"}
    return plain


if __name__ == "__main__":
    os.environ.update(environment())
    os.execvp(sys.argv[1], sys.argv[1:])
