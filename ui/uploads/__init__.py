"""Files that readers bring, read in memory: pictures (PNG, JPEG, DICOM) and tables of points (CSV).

A file that cannot be taken raises `Refused`, whose message is a sentence for the reader. No byte is written to a disk, nothing
is unpickled, and of a DICOM file nothing but its pixels, its modality, its rescale slope and its window is looked at.
"""

from ui.uploads.pictures import read_picture
from ui.uploads.points import read_points
from ui.uploads.refused import BYTES, Refused

__all__ = ["BYTES", "Refused", "read_picture", "read_points"]
