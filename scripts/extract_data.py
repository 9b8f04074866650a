"""Cut the small extracts under `core/data` out of the packages that ship the originals.

The app never runs this: the extracts are part of the repository. It is kept so that every number in them can
be traced to its source. In an environment of its own:

    pip install numpy pillow pydicom==3.0.2 scikit-learn==1.9.1
    pip download --no-deps --dest WHEELS scikit-image==0.26.0 pydicom==3.0.2 pydicom-data==1.0.0 \\
        nilearn==0.14.1 stardist==0.9.2
    python scripts/extract_data.py WHEELS

The images are read inside the wheels, so none of the other packages is installed. Of a DICOM file only the
pixel values (and the rescale or palette that turns them into Hounsfield units or grey) are read; nothing of
its header is stored. Running it twice writes the same bytes. Licences and notices: `core/data/LICENSES.md`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parent.parent / "core" / "data"
SIDE = 160
"""Height and width of every picture, pixels."""


def read_member(wheels: Path, package: str, name: str) -> bytes:
    """The bytes of the one file ending in `name` inside the wheel of `package`."""
    (wheel,) = wheels.glob(f"{package}-[0-9]*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [entry for entry in archive.namelist() if entry.endswith("/" + name)]
        return archive.read(member)


def read_image(wheels: Path, package: str, name: str) -> np.ndarray:
    """A PNG, JPEG or TIFF as an array [H, W] or [H, W, 3]."""
    return np.array(Image.open(io.BytesIO(read_member(wheels, package, name))))


def read_dicom(wheels: Path, package: str, name: str) -> Any:
    """A DICOM data set; callers take its pixels and nothing else."""
    import pydicom  # pyright: ignore[reportMissingImports]

    return pydicom.dcmread(io.BytesIO(read_member(wheels, package, name)))


def read_mni(wheels: Path, tissue: str) -> np.ndarray:
    """An MNI152 volume [197, 233, 189] uint8; axes to the right, front and top, 1 mm a voxel."""
    packed = read_member(wheels, "nilearn", f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz")
    # A NIfTI-1 file is a 352-byte header followed by the voxels, first axis fastest.
    return np.frombuffer(gzip.decompress(packed), np.uint8, offset=352).reshape((197, 233, 189), order="F")


def window(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map [low, high] linearly to 0..255 and clip, as a radiologist's display window does."""
    scaled = (values.astype(np.float64) - low) / (high - low)
    return np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def to_side(image: np.ndarray) -> np.ndarray:
    """Resize a square image to [SIDE, SIDE, channels] by Lanczos interpolation."""
    resized = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(resized).reshape(SIDE, SIDE, -1)


def save(name: str, **arrays: np.ndarray) -> None:
    np.savez_compressed(OUT / name, **arrays)  # pyright: ignore[reportArgumentType]
    print(f"{name}: {(OUT / name).stat().st_size:,} bytes")


def extract_tables() -> None:
    """The three data sets of scikit-learn, unscaled."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

    digits: Any = load_digits()
    save("digits.npz", images=digits.images.astype(np.uint8), labels=digits.target.astype(np.uint8))
    diabetes: Any = load_diabetes(scaled=False)
    save("diabetes.npz", x=diabetes.data, y=diabetes.target, feature_names=np.array(diabetes.feature_names))
    cancer: Any = load_breast_cancer()
    save(
        "breast_cancer.npz",
        x=cancer.data,
        y=cancer.target.astype(np.uint8),
        feature_names=cancer.feature_names,
        target_names=cancer.target_names,
    )


def extract_pictures(wheels: Path) -> None:
    """Pictures of one size for mixup and augmentation, uint8 [SIDE, SIDE, 3 or 1]."""
    from pydicom.pixels import apply_color_lut  # pyright: ignore[reportMissingImports]

    cat = read_image(wheels, "scikit_image", "chelsea.png")[:, 80:380]
    coffee = read_image(wheels, "scikit_image", "coffee.png")[:, 120:520]
    retina = read_image(wheels, "scikit_image", "retina.jpg")

    brain = read_mni(wheels, "t1")[:, :, 90].T[::-1]
    abdomen = read_dicom(wheels, "pydicom", "examples_overlay.dcm").pixel_array[:, 18:458]
    # The file was cropped above and below the body; the rows given back are air, which is black.
    abdomen = np.pad(abdomen, ((70, 70), (0, 0)))
    vertebra = read_dicom(wheels, "pydicom", "CT_small.dcm").pixel_array - 1024.0
    scan = read_dicom(wheels, "pydicom_data", "gdcm-US-ALOKA-16.dcm")
    # This crop of the right-hand fan holds none of the text that is burnt into the frame.
    ultrasound = apply_color_lut(scan.pixel_array, scan)[64:364, 338:638, 0] >> 8

    save(
        "pictures.npz",
        cat=to_side(cat),
        coffee=to_side(coffee),
        retina=to_side(retina),
        brain=to_side(window(brain[17:213, 0:196], 60, 255)),
        abdomen=to_side(window(abdomen, 0, 600)),
        vertebra=to_side(window(vertebra, -300, 900)),
        ultrasound=to_side(window(ultrasound, 0, 160)),
    )
    save("vertebra.npz", hounsfield=vertebra.astype(np.int16))


def extract_brain(wheels: Path) -> None:
    """One axial slice of the MNI152 mean brain (z = +18 mm) with its tissue maps; front is up."""
    slices = {tissue: read_mni(wheels, tissue)[:, :, 90].T[::-1] for tissue in ("t1", "gm", "wm")}
    save("brain.npz", **slices)


def extract_nuclei(wheels: Path) -> None:
    """A fluorescence image of nuclei with one number for each nucleus."""
    image = read_image(wheels, "stardist", "img2d.tif")
    mask = read_image(wheels, "stardist", "mask2d.tif")
    assert image.max() < 256 and mask.max() < 256, "8 bits must hold both"
    _, instances = np.unique(mask, return_inverse=True)
    save("nuclei.npz", image=image.astype(np.uint8), instances=instances.reshape(mask.shape).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the extracts under core/data.")
    parser.add_argument("wheels", type=Path, help="folder that holds the downloaded wheels")
    wheels = parser.parse_args().wheels
    extract_tables()
    extract_pictures(wheels)
    extract_brain(wheels)
    extract_nuclei(wheels)


if __name__ == "__main__":
    main()
