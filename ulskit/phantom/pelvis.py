"""Cross sections of the pelvis: at the sacrum and iliac wings, and at the hips."""

from __future__ import annotations

import cv2
import numpy as np

from ulskit.phantom.sections import Body, Canvas, Section, trunk
from ulskit.phantom.trunk import bowel_loop, half_extent_mm, wall
from ulskit.types import PointsXY


def upper_pelvis(canvas: Canvas, body: Body) -> Section:
    """Pelvis at the sacrum: iliac wings, gluteal muscles, iliac vessels, bowel."""
    rng = canvas.rng
    w, d = body.half_width_mm, body.half_depth_mm
    wall(canvas, body, dent_mm=8, wall_share=1.1)
    for side in (-1, 1):
        canvas.smooth(
            "muscle",
            [
                (side * 0.4 * w, 0.95 * d),
                (side * 0.9 * w, 0.8 * d),
                (side * 1.08 * w, 0.2 * d),
                (side * 0.7 * w, 0.3 * d),
            ],
            2,
        )
        for _ in range(9):
            at = np.array([side * rng.uniform(0.45, 1.0) * w, rng.uniform(0.45, 0.95) * d])
            length = rng.uniform(5, 16)
            canvas.line("muscle fat", [at, at + length * np.array([side * 0.7, -0.7])], float(rng.uniform(0.6, 1.4)))
    canvas.fill("pelvic fat", trunk(0.86 * w, 0.9 * d, dent_mm=0.75 * d, dent_width_mm=60))
    for side in (-1, 1):
        canvas.smooth(
            "muscle",
            [
                (side * 0.9 * w, -0.3 * d),
                (side * 0.62 * w, 0.0),
                (side * 0.42 * w, 0.36 * d),
                (side * 0.7 * w, 0.3 * d),
            ],
            2,
        )
        wing = [
            (side * 0.93 * w, -0.18 * d),
            (side * 0.97 * w, -0.1 * d),
            (side * 0.72 * w, 0.36 * d),
            (side * 0.42 * w, 0.72 * d),
        ]
        wing += [(side * 0.34 * w, 0.66 * d), (side * 0.56 * w, 0.36 * d)]
        _plate(canvas, np.array(wing))
        canvas.oval("muscle", (side * 0.4 * w, 0.02 * d), (19, 23), side * 0.3)
    sacrum = [
        (-0.33 * w, 0.36 * d),
        (0.0, 0.22 * d),
        (0.33 * w, 0.36 * d),
        (0.3 * w, 0.66 * d),
        (0.0, 0.84 * d),
        (-0.3 * w, 0.66 * d),
    ]
    _plate(canvas, np.array(sacrum), 1.6)
    canvas.oval("spinal canal", (0, 0.62 * d), (9, 6))
    for side in (-1, 1):
        canvas.oval("pelvic fat", (side * 20, 0.5 * d), (4, 3.4))
    for _ in range(int(rng.integers(18, 26))):
        bowel_loop(canvas, (rng.uniform(-0.5, 0.5) * w, rng.uniform(-0.75, 0.02) * d), rng.uniform(8, 13))
    for side in (-1, 1):
        canvas.oval("aorta", (side * 0.24 * w, 0.06 * d), (5.2, 5), 0, 0.04)
        canvas.oval("vein", (side * 0.22 * w + 3, 0.17 * d), (7, 5.5), 0.4)
    return canvas.section("upper pelvis", half_extent_mm(body))


def lower_pelvis(canvas: Canvas, body: Body) -> Section:
    """Pelvis at the hips: bladder, rectum, prostate or uterus, femoral heads in their sockets."""
    rng = canvas.rng
    w, d = body.half_width_mm * 1.08, body.half_depth_mm * 0.92
    wall(canvas, body, dent_mm=8, wall_share=0.9)
    for side in (-1, 1):
        canvas.smooth(
            "muscle",
            [
                (side * 0.1 * w, 0.96 * d),
                (side * 0.6 * w, 1.0 * d),
                (side * 0.95 * w, 0.5 * d),
                (side * 0.5 * w, 0.5 * d),
            ],
            2,
        )
        canvas.line(
            "muscle fat", [[side * 0.3 * w, 0.6 * d], [side * 0.66 * w, 0.66 * d], [side * 0.98 * w, 0.2 * d]], 3.0
        )
    canvas.fill("pelvic fat", trunk(0.52 * w, 0.84 * d, exponent=2.2))
    for side in (-1, 1):
        canvas.smooth(
            "pelvic fat",
            [
                (side * 0.3 * w, -0.9 * d),
                (side * 0.62 * w, -0.78 * d),
                (side * 0.5 * w, -0.42 * d),
                (side * 0.3 * w, -0.5 * d),
            ],
            2,
        )
        canvas.smooth(
            "muscle",
            [
                (side * 0.5 * w, -0.3 * d),
                (side * 0.36 * w, 0.1 * d),
                (side * 0.3 * w, 0.5 * d),
                (side * 0.5 * w, 0.3 * d),
            ],
            2,
        )
        canvas.oval("muscle", (side * 0.56 * w, -0.5 * d), (16, 18))
        _plate(canvas, _ring((side * 0.57 * w, 0.0), 36, 33, rng), 2.2)
        canvas.oval("cartilage", (side * 0.61 * w, 0.0), (26, 26), 0, 0.02)
        canvas.bone((side * 0.61 * w, 0.0), (24, 24), 0, 1.5)
        _plate(
            canvas,
            np.array([(side * 0.98 * w, 0.0), (side * 0.88 * w, -14), (side * 0.83 * w, 4), (side * 0.9 * w, 22)]),
        )
        canvas.oval("aorta", (side * 0.4 * w, -0.56 * d), (4.8, 4.8), 0, 0.04)
        canvas.oval("vein", (side * 0.35 * w, -0.5 * d), (6.6, 5.6), 0.3)
    full = float(rng.uniform(0.7, 1.15))
    canvas.oval("bladder wall", (rng.normal(0, 3), -0.34 * d), (39 * full, 30 * full), 0, 0.05)
    last = canvas.parts[-1].outline_mm
    middle = last.mean(axis=0)
    canvas.oval("urine", (float(middle[0]), float(middle[1])), (36 * full, 27 * full), 0, 0.04)
    if body.gender == "F":
        canvas.oval(
            "pelvic organ",
            (rng.normal(0, 5), 0.12 * d),
            (rng.uniform(22, 32), rng.uniform(15, 22)),
            rng.normal(0, 0.2),
            0.06,
        )
    else:
        canvas.oval("pelvic organ", (rng.normal(0, 2), 0.14 * d), (rng.uniform(18, 26), rng.uniform(8, 13)), 0, 0.06)
    canvas.oval("rectum", (rng.normal(0, 3), 0.52 * d), (17, 15), 0, 0.06)
    canvas.oval(
        "stool" if rng.random() < 0.5 else "gas",
        (rng.normal(0, 2), 0.5 * d),
        (rng.uniform(5, 12), rng.uniform(4, 10)),
        0,
        0.12,
    )
    canvas.smooth("cortical bone", [(-14, 0.86 * d), (0, 0.8 * d), (14, 0.86 * d), (0, 0.92 * d)], 1)
    canvas.smooth("cancellous bone", [(-9, 0.86 * d), (0, 0.83 * d), (9, 0.86 * d), (0, 0.89 * d)], 0.5)
    for _ in range(12):
        at = (rng.uniform(-0.42, 0.42) * w, rng.uniform(-0.1, 0.6) * d)
        canvas.oval("vein", at, (rng.uniform(1, 2.4), rng.uniform(0.8, 1.6)), rng.uniform(0, 3))
    return canvas.section("lower pelvis", half_extent_mm(body))


def _ring(center: tuple[float, float], rx: float, ry: float, rng: np.random.Generator) -> PointsXY:
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    ring = np.stack([rx * np.cos(angle), ry * np.sin(angle)], axis=-1) * rng.uniform(0.88, 1.06, (10, 1))
    placed: PointsXY = ring + np.array(center)
    return placed


def _plate(canvas: Canvas, corners: PointsXY, cortex_mm: float = 2.0) -> None:
    """A flat bone of any outline: compact bone, and spongy bone within."""
    outer = canvas.smooth("cortical bone", [tuple(p) for p in corners], 1.0)
    # Insetting a polygon: on a grid of half a millimetre, what is further than the cortex from its edge.
    low = outer.min(axis=0) - 2
    side = np.ceil((outer.max(axis=0) + 2 - low) * 2).astype(int)
    grid = np.zeros((side[1], side[0]), np.uint8)
    cv2.fillPoly(grid, [np.round((outer - low) * 2).astype(np.int32)], 1)
    deep = (cv2.distanceTransform(grid, cv2.DIST_L2, 5) > 2 * cortex_mm).astype(np.uint8)
    for contour in cv2.findContours(deep, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        if len(contour) > 8:
            canvas.fill("cancellous bone", contour[:, 0] / 2 + low)
