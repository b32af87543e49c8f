"""Fixtures that several test folders share."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import ulskit
from ulskit.ct import encode_png
from ulskit.geometry.ellipse import ellipse_mask
from ulskit.ingest import ingest_deeplesion
from ulskit.ingest.dl_info import COLUMNS
from ulskit.labels import label_first_round
from ulskit.store import Store, write_labels

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch is imported; see ulskit.cli.app.main

settings.register_profile("ulskit", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("ulskit")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the repository; the tests that need it skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: the real DeepLesion slices and masks are not part of the repository")
    return folder


@dataclass(frozen=True)
class Row:
    """One row of a DL_info.csv for tests; ``changes`` overwrite columns by name, with text as it stands in the file."""

    patient: int = 1
    key_slice: int = 5
    endpoints_xy: tuple[tuple[float, float], ...] = ((20, 32), (44, 32), (32, 24), (32, 40))
    size: int = 64
    split: int = 1
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def series_id(self) -> str:
        """The folder of its slices."""
        return f"{self.patient:06d}_01_01"

    def cells(self) -> dict[str, str]:
        """The row as the file has it: coordinates from the corner of the first pixel."""
        xy = np.array(self.endpoints_xy) + 0.5
        box = [*(xy.min(axis=0) - 5), *(xy.max(axis=0) + 5)]
        lengths = [np.hypot(*(xy[1] - xy[0])), np.hypot(*(xy[3] - xy[2]))]
        values = [
            f"{self.series_id}_{self.key_slice:03d}.png",
            self.patient,
            1,
            1,
            self.key_slice,
            *(", ".join(f"{v:.6g}" for v in part) for part in (xy.ravel(), box, lengths)),
            "0.5, 0.5, 0.5",
            -1 if self.split == 1 else 5,
            0,
            "1, 9",
            "0.8, 0.8, 5",
            f"{self.size}, {self.size}",
            "-175, 275",
            "F",
            62,
            self.split,
        ]
        return {**dict(zip(COLUMNS, map(str, values), strict=True)), **self.changes}


def write_deeplesion(folder: Path, rows: Sequence[Row], *, seed: int = 0) -> Path:
    """A DeepLesion folder with one noisy bright ellipse for every row whose PNG is to exist."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images: dict[Path, np.ndarray] = {}
    for row in rows:
        path = folder / "Images_png" / row.series_id / f"{row.key_slice:03d}.png"
        if path not in images:
            images[path] = rng.normal(-80, 15, (row.size, row.size))
        images[path][ellipse_mask(row.endpoints_xy, (row.size, row.size))] += 130
    for path, image in images.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image.astype(np.int16)))
    with (folder / "DL_info.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row.cells() for row in rows)
    return folder


def some_rows(patients: int = 8) -> list[Row]:
    """Rows of several patients, half of them for training, a quarter each for validation and test."""
    rng = np.random.default_rng(7)
    rows = []
    for patient in range(1, patients + 1):
        shift, grow = rng.integers(-6, 7, 2), rng.uniform(0.6, 1.2)
        points = (np.array(Row().endpoints_xy) - 32) * grow + 32 + shift
        split = (1, 1, 2, 3)[patient % 4]
        rows.append(replace(Row(), patient=patient, split=split, endpoints_xy=tuple(map(tuple, points.round(2)))))
    return rows


@pytest.fixture
def deeplesion(tmp_path: Path) -> Path:
    """A small, clean DeepLesion folder: eight patients, one lesion each, on 64 × 64 pixels."""
    return write_deeplesion(tmp_path / "DeepLesion", some_rows())


@pytest.fixture
def store(deeplesion: Path, tmp_path: Path) -> Store:
    """That folder as a store, with labels round1 and a truth that is a little larger than the ellipses."""
    made = ingest_deeplesion(deeplesion, tmp_path / "ulskit.zarr")
    label_first_round(made)

    def truth(lesion: int) -> np.ndarray:
        xy = made.endpoints_xy[lesion]
        return ellipse_mask((xy - xy.mean(axis=0)) * 1.1 + xy.mean(axis=0), made.shape_of(lesion)).astype(np.uint8)

    write_labels(made, "truth", truth, made={"by": "test"})
    return ulskit.open(tmp_path / "ulskit.zarr")


class Ticks:
    """A progress that keeps count: ``tasks`` maps a description to (total, steps done)."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, description: str, total: int) -> Iterator[Callable[..., None]]:
        self.tasks[description] = (total, 0)

        def advance(steps: int = 1, note: str = "") -> None:
            with self._lock:
                self.tasks[description] = (total, self.tasks[description][1] + steps)

        yield advance


@pytest.fixture
def ticks() -> Ticks:
    """To be given as ``progress``."""
    return Ticks()
