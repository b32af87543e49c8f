import numpy as np
import pytest

from ulskit.phantom.tissues import NAMES, NUMBERS, PHASES, draw_tissue_hu

LITERATURE_HU = {
    "air": (-1010, -990),
    "subcutaneous fat": (-130, -80),
    "lung": (-900, -750),
    "muscle": (35, 80),
    "urine": (-10, 20),
    "cancellous bone": (80, 400),
    "cortical bone": (250, 1200),
}
NATIVE_HU = {"liver": (40, 75), "spleen": (30, 65), "kidney cortex": (10, 55), "aorta": (5, 80)}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("seed", range(20))
def test_means_lie_in_the_ranges_of_the_literature(phase, seed):
    means = draw_tissue_hu(np.random.default_rng(seed), phase)
    for name, (low, high) in LITERATURE_HU.items():
        assert low <= means[NUMBERS[name]] <= high, name


@pytest.mark.parametrize("seed", range(20))
def test_native_organs_lie_in_the_ranges_of_the_literature(seed):
    means = draw_tissue_hu(np.random.default_rng(seed), "native")
    for name, (low, high) in NATIVE_HU.items():
        assert low <= means[NUMBERS[name]] <= high, name


def test_contrast_brightens_vessels_first_and_the_liver_later():
    native, arterial, portal = (draw_tissue_hu(np.random.default_rng(1), phase) for phase in PHASES)
    aorta, liver = NUMBERS["aorta"], NUMBERS["liver"]
    assert native[aorta] < portal[aorta] < arterial[aorta]
    assert native[liver] < arterial[liver] < portal[liver]


def test_numbers_fit_a_label_map():
    assert NAMES[0] == "air"
    assert len(NAMES) < 256
