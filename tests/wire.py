"""What Python sends of a board, put together again as the browser does it."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np

from ui.chart import Encoded


def parts_of(encoded: Encoded) -> dict[str, tuple[bytes, bytes]]:
    """Of each part by its digest, the line of JSON and the bytes of its arrays."""
    opened = {digest: zlib.decompress(part).partition(b"\n") for digest, part in encoded.parts.items()}
    return {digest: (text, numbers) for digest, (text, _, numbers) in opened.items()}


def text_of(encoded: Encoded) -> bytes:
    """The lines of JSON of all parts."""
    return b"\n".join(text for text, _ in parts_of(encoded).values())


def panels_of(encoded: Encoded) -> list[dict[str, Any]]:
    """What the board says of each panel."""
    return json.loads(parts_of(encoded)[encoded.digest][0])["panels"]


def put(value: Any, numbers: bytes) -> Any:
    """The value with its arrays in their places."""
    if isinstance(value, dict) and "dtype" in value:
        kind, count = np.dtype(value["dtype"]), int(np.prod(value["shape"]))
        planes = np.frombuffer(numbers, np.uint8, kind.itemsize * count, value["at"]).reshape(kind.itemsize, count)
        sent = np.frombuffer(b"".join(column.tobytes() for column in planes.T), kind)
        return (sent.cumsum(dtype=kind) if value["dtype"] == "i4" else sent).reshape(value["shape"])
    if isinstance(value, dict):
        return {name: put(item, numbers) for name, item in value.items()}
    return [put(item, numbers) for item in value] if isinstance(value, list) else value


def traces_of(encoded: Encoded) -> dict[str, list[dict[str, Any]]]:
    """Id of each panel of Plotly's to its traces."""
    parts = parts_of(encoded)
    figures = {panel["id"]: parts[panel["part"]] for panel in panels_of(encoded) if panel["kind"] == "plotly"}
    return {name: put(json.loads(text)["data"], numbers) for name, (text, numbers) in figures.items()}
