"""Hounsfield units of the tissues that a phantom is made of, by phase of contrast.

Native values: Prokop and Galanski, Spiral and Multislice Computed Tomography of the Body (Thieme 2003); Buzug,
Computed Tomography (Springer 2008), p. 475: fat −100 to −50, blood 45 to 65, liver 45 to 65, spleen 35 to 55, kidney
20 to 40, muscle 35 to 55, water 0, lung −910 to −850 in deep inspiration and up to −700 behind, compact bone above 250.
Enhanced values lie within what the slices of DeepLesion show (most of them portal venous, Yan et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PHASES = ("native", "arterial", "portal")
"""Phases of contrast, in the order of :attr:`Tissue.mean_hu`."""


@dataclass(frozen=True)
class Tissue:
    """One tissue: its mean HU in each phase, and how it varies.

    Attributes:
        mean_hu: native, arterial, portal venous.
        spread_hu: standard deviation of the mean between patients.
        fine_hu: standard deviation of its texture of 2 mm (trabeculae, stool).
        coarse_hu: standard deviation of its texture of 8 mm.
    """

    mean_hu: tuple[float, float, float]
    spread_hu: float = 4.0
    fine_hu: float = 0.0
    coarse_hu: float = 2.0


def _constant(hu: float, spread_hu: float = 4.0, fine_hu: float = 0.0, coarse_hu: float = 2.0) -> Tissue:
    return Tissue((hu, hu, hu), spread_hu, fine_hu, coarse_hu)


TISSUES: dict[str, Tissue] = {
    "air": _constant(-1000, 0, 0, 0),
    "skin": _constant(10, 12),
    "subcutaneous fat": _constant(-105, 6, 4, 5),
    "mediastinal fat": _constant(-98, 8, 5, 7),
    "abdominal fat": _constant(-103, 7, 6, 7),
    "pelvic fat": _constant(-101, 7, 6, 7),
    "muscle": Tissue((50, 55, 62), 5, 5, 8),
    "muscle fat": _constant(-45, 15),
    "lung": _constant(-835, 20, 16, 14),
    "lung vessel": Tissue((35, 180, 120), 15),
    "small lung vessel": _constant(-330, 60),
    "faint lung vessel": _constant(-640, 40),
    "fissure": _constant(-700, 20),
    "bronchial wall": _constant(-250, 60),
    "airway": _constant(-985, 4, 0, 2),
    "aorta": Tissue((42, 300, 155), 18, 0, 2),
    "vein": Tissue((42, 105, 145), 15, 0, 3),
    "pulmonary artery": Tissue((42, 260, 150), 18, 0, 3),
    "heart muscle": Tissue((42, 85, 105), 6, 0, 5),
    "heart blood": Tissue((42, 210, 148), 15, 0, 5),
    "oesophagus": Tissue((38, 48, 60), 6, 4, 4),
    "liver": Tissue((57, 68, 108), 8, 2, 3),
    "liver vessel": Tissue((44, 85, 142), 8),
    "spleen": Tissue((48, 112, 122), 8, 2, 3),
    "kidney cortex": Tissue((33, 150, 185), 10, 4, 5),
    "kidney medulla": Tissue((31, 75, 150), 10, 3, 5),
    "kidney pelvis": _constant(8, 5, 0, 3),
    "pancreas": Tissue((38, 92, 88), 8, 14, 7),
    "gallbladder": _constant(8, 5, 0, 2),
    "stomach wall": Tissue((40, 70, 85), 8, 0, 5),
    "stomach content": _constant(22, 14, 4, 8),
    "oral contrast": _constant(260, 60, 8, 14),
    "bowel wall": Tissue((38, 65, 85), 8, 4, 5),
    "bowel content": _constant(22, 10, 5, 10),
    "stool": _constant(-10, 30, 75, 70),
    "gas": _constant(-940, 25, 8, 10),
    "adrenal": Tissue((30, 60, 65), 6),
    "urine": _constant(4, 4, 0, 1),
    "bladder wall": Tissue((35, 45, 60), 6),
    "pelvic organ": Tissue((42, 65, 88), 10, 3, 9),
    "rectum": Tissue((38, 50, 68), 8, 4, 8),
    "cortical bone": _constant(680, 110, 50, 70),
    "cancellous bone": _constant(190, 40, 42, 30),
    "cartilage": _constant(105, 20, 15, 12),
    "spinal canal": _constant(25, 6, 0, 4),
    "couch shell": _constant(300, 120, 10, 10),
    "couch core": _constant(-930, 15, 8, 6),
    "clothing": _constant(-880, 30),
}
"""Every tissue by name; its place in this table is its number in a label map, 0 being the air around the body."""

NAMES = tuple(TISSUES)
NUMBERS = {name: at for at, name in enumerate(NAMES)}

WATER_HU = 0.0


def draw_tissue_hu(rng: np.random.Generator, phase: str) -> npt.NDArray[np.float32]:
    """Mean HU of every tissue for one study, float32 ``[tissue]`` in the order of :data:`NAMES`."""
    at = PHASES.index(phase)
    # One draw for each tissue in a fixed order, cut at two standard deviations: no liver is darker than its fat.
    offsets = np.clip(rng.normal(size=len(NAMES)), -2, 2)
    means = np.array([tissue.mean_hu[at] for tissue in TISSUES.values()])
    spreads = np.array([tissue.spread_hu for tissue in TISSUES.values()])
    return np.asarray(means + offsets * spreads, dtype=np.float32)


def texture_hu() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Standard deviations of the fine and the coarse texture, each float32 ``[tissue]``."""
    fine = np.array([tissue.fine_hu for tissue in TISSUES.values()], dtype=np.float32)
    coarse = np.array([tissue.coarse_hu for tissue in TISSUES.values()], dtype=np.float32)
    return fine, coarse
