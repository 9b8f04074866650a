"""Arrays of figures on their way to the browser: as bytes, and none twice.

Plotly would copy every figure and write its arrays in base64, which took ten times as long here as all of this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DTYPES = ("f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4")  # those that ui/chart/tools.js has an array for


class Arrays:
    """`buffers` are the bytes, in the order of their places."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._end = 0

    def extract(self, value: Any) -> Any:
        """The value with {dtype, shape, at} in the place of each array of numbers; `at` is where its bytes begin."""
        if isinstance(value, dict):
            return {name: self.extract(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.extract(item) for item in value]
        if not isinstance(value, np.ndarray) or not value.ndim or not value.size:
            return value
        if value.dtype == np.int64 and np.abs(value).max() < 2**31:
            value = value.astype(np.int32)  # a browser has no array for the longer ones
        dtype = value.dtype.str.lstrip("<|")
        return {"dtype": dtype, "shape": value.shape, "at": self._place(value.tobytes())} if dtype in DTYPES else value

    def _place(self, data: bytes) -> int:
        at = self._places.setdefault(data, self._end)
        if at == self._end:
            self.buffers.append(data + bytes(-len(data) % 8))  # eight bytes to a number, or fewer
            self._end += len(self.buffers[-1])
        return at
