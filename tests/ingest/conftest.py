"""A DeepLesion folder that a test can soil row by row."""

import csv

import numpy as np
import pytest

from ulskit.ct import encode_png
from ulskit.ingest import ingest_deeplesion
from ulskit.ingest.dl_info import COLUMNS

MARK = ((20.0, 32.0), (44.0, 32.0), (32.0, 24.0), (32.0, 40.0))


class Folder:
    """Rows and PNGs of a DeepLesion folder; line 2 of the CSV is the first row added."""

    def __init__(self, path):
        self.path = path
        self.rows = []

    def add(self, patient=1, key=5, size=64, mark=MARK, split=1, image=None, **changes):
        """One row; its PNG is written unless ``image`` is False. ``changes`` are cells as they stand in the file."""
        xy = np.array(mark, dtype=float) + 0.5
        series = f"{patient:06d}_01_01"
        cells = {
            "File_name": f"{series}_{key:03d}.png",
            "Patient_index": patient,
            "Study_index": 1,
            "Series_ID": 1,
            "Key_slice_index": key,
            "Measurement_coordinates": ", ".join(f"{value:g}" for value in xy.ravel()),
            "Bounding_boxes": ", ".join(f"{value:g}" for value in [*(xy.min(0) - 5), *(xy.max(0) + 5)]),
            "Lesion_diameters_Pixel_": "24, 16",
            "Normalized_lesion_location": "0.5, 0.5, 0.5",
            "Coarse_lesion_type": -1,
            "Possibly_noisy": 0,
            "Slice_range": "1, 9",
            "Spacing_mm_px_": "0.8, 0.7, 5",
            "Image_size": f"{size}, {size}",
            "DICOM_windows": "-175, 275",
            "Patient_gender": "F",
            "Patient_age": 62,
            "Train_Val_Test": split,
        }
        self.rows.append({**{name: str(value) for name, value in cells.items()}, **changes})
        if image is not False:
            self.put(series, key, self.noise(size, patient * 1000 + key) if image is None else image)

    def noise(self, size, seed):
        """An image that no other seed gives."""
        return np.random.default_rng(seed).integers(-1024, 3000, (size, size), dtype=np.int16)

    def png(self, series, key):
        """Path of a PNG."""
        return self.path / "Images_png" / series / f"{key:03d}.png"

    def put(self, series, key, image):
        """Write a PNG from HU or from bytes."""
        path = self.png(series, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image if isinstance(image, bytes) else encode_png(image))

    def write(self):
        """Write the CSV and return the folder."""
        (self.path / "Images_png").mkdir(parents=True, exist_ok=True)
        with (self.path / "DL_info.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        return self.path

    def ingest(self, name="ulskit.zarr", **options):
        """Write the CSV and ingest the folder beside it."""
        return ingest_deeplesion(self.write(), self.path.parent / name, **options)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "DeepLesion")
