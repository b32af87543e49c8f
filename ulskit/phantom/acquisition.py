"""From an exact map of HU on a fine grid to what a scanner shows: slice thickness, point spread, sampling, noise.

The noise of filtered back projection has the power spectrum ``|f| · A(f)²``: the ramp once (its square, over the
density ``1/|f|`` of the rays), and the apodisation A of the kernel twice (Riederer, Pelc and Chesler 1978; Wagner,
Brown and Pastel 1979). The same A is the transfer function of the signal. With a Gaussian A one length, in mm, gives
sharpness and grain together: a sharp kernel is noisy in fine grain, a smooth one calm in coarse grain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fft

from ulskit.types import ImageHU

Image = npt.NDArray[np.float32]
"""HU, float32 ``[y, x]``."""


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """How one study was acquired and reconstructed.

    Attributes:
        kernel_mm: standard deviation of the Gaussian point spread in the plane (0.4 sharp … 0.75 smooth).
        noise_hu: standard deviation of the noise in the middle of the body.
        shift_mm: how far oblique surfaces move through the thickness of the slice, standard deviation.
    """

    kernel_mm: float
    noise_hu: float
    shift_mm: float


def through_slice(rng: np.random.Generator, image_hu: Image, shift_px: float) -> Image:
    """Mean of the image at both faces of a thick slice, float32 ``[y, x]``.

    Surfaces that are oblique to the slice lie elsewhere at its two faces: the image is moved by a smooth random
    field and by its negative, and averaged, which blurs some borders and leaves those that stand upright.
    """
    if shift_px <= 0:
        return image_hu
    height, width = image_hu.shape
    field = rng.normal(0, shift_px, (2, max(4, height // 64), max(4, width // 64))).astype(np.float32)
    dx, dy = (cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in field)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    faces = [
        cv2.remap(image_hu, x + sign * dx, y + sign * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for sign in (-1, 1)
    ]
    return np.asarray((faces[0] + faces[1]) * np.float32(0.5))


def sample(image_hu: Image, oversampling: int, blur_px: float) -> Image:
    """Blur a fine image by the point spread and average it over the pixels, float32 ``[y / k, x / k]``.

    Args:
        image_hu: float32 ``[y, x]`` on the fine grid.
        oversampling: fine pixels along one pixel, k.
        blur_px: standard deviation of the point spread, in fine pixels.
    """
    blurred = cv2.GaussianBlur(image_hu, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE) if blur_px > 0 else image_hu
    height, width = image_hu.shape
    size = (width // oversampling, height // oversampling)
    return np.asarray(cv2.resize(blurred, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def kernel_noise(rng: np.random.Generator, shape: tuple[int, int], kernel_px: float) -> Image:
    """Noise of zero mean and unit standard deviation with the spectrum of a kernel, float32 ``[y, x]``.

    Args:
        rng: source of the noise.
        shape: height and width.
        kernel_px: standard deviation of the kernel's point spread, in pixels.
    """
    fy = scipy.fft.fftfreq(shape[0]).astype(np.float32)[:, None]
    fx = scipy.fft.rfftfreq(shape[1]).astype(np.float32)
    squared = fy**2 + fx**2
    # Ramp^(1/2) times apodisation is the square root of the spectrum; real scanners keep a little at low frequency.
    amplitude = (squared + np.float32(2e-4)) ** 0.25 * np.exp(-2 * np.pi**2 * kernel_px**2 * squared)
    spectrum = scipy.fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * amplitude
    spectrum[0, 0] = 0
    noise = scipy.fft.irfft2(spectrum, s=shape)
    return np.asarray(noise / noise.std(), dtype=np.float32)


def noise_map(body_depth: Image) -> Image:
    """Standard deviation of the noise relative to the middle of the body, float32 ``[y, x]``.

    Args:
        body_depth: attenuation around every pixel, 0 in air to about 1 deep in a body, smooth.
    """
    return np.asarray(0.35 + 0.65 * np.clip(body_depth, 0, 1.3), dtype=np.float32)


def attenuation(image_hu: Image) -> Image:
    """What rays through a pixel must pass, relative to a body of soft tissue, smooth, float32 ``[y, x]``."""
    height, width = image_hu.shape
    small = cv2.resize(image_hu, (max(1, width // 8), max(1, height // 8)), interpolation=cv2.INTER_AREA)
    density = np.clip(small / 1000 + 1, 0, 2)
    smooth = cv2.GaussianBlur(density, (0, 0), max(0.5, width / 8 / 9), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def to_integer_hu(image_hu: Image, low_hu: int = -1024, high_hu: int = 3071) -> ImageHU:
    """Whole HU within the 12 bits of a scanner, int16 ``[y, x]``."""
    return np.rint(np.clip(image_hu, low_hu, high_hu)).astype(np.int16)
