"""Files for the browser, at addresses that hold a digest of what is in them, so that a browser that has one never asks again.

`streamlit run app.py` serves them as the files of a component; `server.py` answers for the same addresses from memory,
compressed once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import plotly

from ui import compat

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Folder:
    """The files of a folder that are served. `name` is unique among the folders; `changes` says what is changed in them then."""

    name: str
    path: Path
    files: tuple[str, ...]
    changes: str = ""

    @cached_property
    def label(self) -> str:
        """The name with a digest of the files' names and contents, and of the changes."""
        digest = hashlib.blake2b(self.changes.encode(), digest_size=8)
        for file in self.files:
            data = (self.path / file).read_bytes()
            digest.update(f"{file} {len(data)} ".encode() + data)
        return f"{self.name}-{digest.hexdigest()}"

    @property
    def address(self) -> str:
        """Where the files are served, below the app's own address."""
        return compat.folder_address(self.label)

    def register(self) -> None:
        """Makes Streamlit's own server answer for the files. Takes effect in a script run only."""
        compat.serve_folder(self.label, self.path)


PLOTLY = Folder("plotly", Path(plotly.__file__).parent / "package_data", ("plotly.min.js",),
                repr((compat.PLOTLY_WRAPPER, compat.PLOTLY_CHANGES)))
PARTS = sorted(path.relative_to(HERE / "chart").as_posix() for path in (HERE / "chart").rglob("*.js") if path.name != "entry.js")
CHART = Folder("chart", HERE / "chart", ("chart.css", *PARTS))
