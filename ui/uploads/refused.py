"""Why a file is not taken."""

BYTES = 10 << 20  # of a file


class Refused(ValueError):
    """A file that cannot be taken. The message is a whole sentence: what was wrong with it."""


def check_size(data: bytes) -> None:
    if not data:
        raise Refused("The file is empty.")
    if len(data) > BYTES:
        raise Refused(f"The file has {len(data) / (1 << 20):.1f} MB, and {BYTES >> 20} MB is the most.")
