import numpy as np
import pytest

from ulskit.phantom.acquisition import attenuation, kernel_noise, noise_map, sample, through_slice, to_integer_hu


def _correlation(noise, lag):
    return float((noise[:, :-lag] * noise[:, lag:]).mean() / noise.var())


@pytest.mark.parametrize("kernel_px", [0.5, 0.75, 1.0])
def test_noise_has_unit_spread_and_no_mean(kernel_px):
    noise = kernel_noise(np.random.default_rng(0), (128, 160), kernel_px)
    assert noise.std() == pytest.approx(1, abs=1e-3)
    assert abs(noise.mean()) < 1e-3


def test_noise_is_correlated_between_neighbours_and_more_so_with_a_smooth_kernel():
    sharp, smooth = (_correlation(kernel_noise(np.random.default_rng(0), (256, 256), k), 1) for k in (0.6, 0.9))
    assert 0.15 < sharp < smooth < 0.8
    assert abs(_correlation(kernel_noise(np.random.default_rng(0), (256, 256), 0.7), 12)) < 0.05


def test_noise_power_rises_from_zero_frequency_and_falls_again():
    # Riederer, Pelc and Chesler (1978): |f| A(f)^2.
    noise = kernel_noise(np.random.default_rng(0), (256, 256), 0.7)
    power = np.abs(np.fft.fft2(noise)) ** 2
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    low, middle, high = (power[(f > a) & (f < b)].mean() for a, b in ((0.002, 0.02), (0.12, 0.2), (0.42, 0.5)))
    assert middle > 2.5 * low
    assert middle > 4 * high


def test_sampling_keeps_the_mean_and_covers_pixels_by_their_share():
    fine = np.zeros((16, 16), np.float32)
    fine[:, 5:] = 100
    pixels = sample(fine, 2, 0.0)
    assert pixels.shape == (8, 8)
    assert np.allclose(pixels[0], [0, 0, 50, 100, 100, 100, 100, 100])
    assert sample(fine, 2, 1.5).mean() == pytest.approx(fine.mean(), abs=0.5)


def test_a_thick_slice_blurs_borders_and_leaves_even_tissue():
    image = np.full((128, 128), 40, np.float32)
    assert np.allclose(through_slice(np.random.default_rng(0), image, 2.0), 40)
    image[:, 64:] = 100
    thick = through_slice(np.random.default_rng(0), image, 2.0)
    assert ((thick > 41) & (thick < 99)).sum() > 100
    assert through_slice(np.random.default_rng(0), image, 0.0) is image


def test_noise_is_stronger_within_a_body_than_beside_it():
    image = np.full((128, 128), -1000, np.float32)
    image[30:98, 20:108] = 50
    spread = noise_map(attenuation(image))
    assert spread[64, 64] > 1.8 * spread[2, 2]


def test_hu_are_whole_and_within_twelve_bits():
    assert to_integer_hu(np.array([[-5000.0, 1.6, 9000.0]], np.float32)).tolist() == [[-1024, 2, 3071]]
