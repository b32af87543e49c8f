"""Cross sections of the belly: at the liver, at the kidneys, and at the bowel."""

from __future__ import annotations

import numpy as np

from ulskit.phantom.sections import Body, Canvas, Section, holds, trunk
from ulskit.phantom.trunk import bowel_loop, half_extent_mm, rib_cage, spine, spine_middle_mm, wall


def upper_abdomen(canvas: Canvas, body: Body) -> Section:
    """Belly at the liver: its vessels, stomach with air and contrast, spleen, aorta, bases of the lungs in some."""
    rng = canvas.rng
    w, d = body.half_width_mm, body.half_depth_mm
    wall(canvas, body, dent_mm=9)
    rib_cage(canvas, body, dent_mm=24, from_rad=0.8, to_rad=2.6, count=6, cartilage=False)
    spine_y = spine_middle_mm(body, forward=0.52)
    canvas.fill("abdominal fat", trunk(w - 2, d - 2, dent_mm=30))
    if rng.random() < 0.5:
        _lung_bases(canvas, w, d)
    fatty = 3 + 8 * body.visceral
    edge, reach = w - 2 - 0.5 * fatty, float(rng.uniform(0.05, 0.42))
    liver = [
        (-0.55 * edge, -0.80 * d),
        (-0.1 * w, -0.84 * d),
        (reach * w, -0.70 * d),
        (reach * w * 0.8, -0.45 * d),
        (0.0, -0.28 * d),
    ]
    liver += [
        (-0.13 * w, 0.02 * d),
        (-0.2 * w, 0.3 * d),
        (-0.34 * w, 0.62 * d),
        (-0.66 * edge, 0.66 * d),
        (-0.94 * edge, 0.22 * d),
    ]
    liver += [(-0.97 * edge, -0.18 * d), (-0.84 * edge, -0.56 * d)]
    canvas.smooth("liver", liver, 2.5)
    keep = len(canvas.parts)
    hub = np.array([-0.24 * w, -0.02 * d])
    for angle in (np.pi * 0.78, np.pi * 1.0, np.pi * 1.28, np.pi * 1.6):
        start = hub + rng.normal(0, 5, 2)
        canvas.tree(
            "liver vessel", start, angle + rng.normal(0, 0.2), rng.uniform(20, 30), rng.uniform(4.5, 7.5), shown=0.5
        )
    # A branch stays inside the liver: the capsule is not crossed.
    canvas.parts[keep:] = [part for part in canvas.parts[keep:] if holds(np.array(liver) * 0.9, part.outline_mm)]
    _stomach(canvas, w, d)
    spleen = [
        (0.62 * w, 0.62 * d),
        (0.84 * w, 0.4 * d),
        (0.92 * w, 0.02 * d),
        (0.83 * w, -0.12 * d),
        (0.74 * w, 0.1 * d),
        (0.56 * w, 0.36 * d),
    ]
    canvas.smooth("spleen", spleen, 3)
    spine(canvas, spine_y, ribs=True)
    for side in (-1, 1):  # crura
        canvas.smooth(
            "muscle",
            [(side * 5, spine_y - 30), (side * 15, spine_y - 20), (side * 20, spine_y + 2), (side * 16, spine_y - 2)],
            1,
        )
        canvas.line("adrenal", [[side * 32, spine_y - 22], [side * 36, spine_y - 8], [side * 40, spine_y + 4]], 2.6)
        canvas.line("adrenal", [[side * 36, spine_y - 8], [side * 31, spine_y + 3]], 2.4)
    canvas.oval("aorta", (4 + rng.normal(0, 2), spine_y - 24), (11, 11), 0, 0.03)
    canvas.oval("vein", (-24, spine_y - 28 + rng.normal(0, 3)), (12, 9), 0.3)
    canvas.line("liver vessel", [[0.02 * w, spine_y - 46], [-0.1 * w, spine_y - 48], [-0.2 * w, spine_y - 52]], 10.0)
    canvas.oval("pancreas", (0.28 * w, spine_y - 36), (0.2 * w, 9), -0.15, 0.12)
    canvas.line("vein", [[0.06 * w, spine_y - 40], [0.24 * w, spine_y - 27], [0.45 * w, spine_y - 24]], 6.0)
    _dots(canvas, "vein", (0.1 * w, 0.5 * w), (-0.35 * d, -0.1 * d), 5)
    return canvas.section("upper abdomen", half_extent_mm(body))


def middle_abdomen(canvas: Canvas, body: Body) -> Section:
    """Belly at the kidneys: lower liver, gallbladder, pancreas, duodenum, colon and small bowel."""
    rng = canvas.rng
    w, d = body.half_width_mm * 0.97, body.half_depth_mm
    wall(canvas, body, dent_mm=11, wall_share=1.0)
    rib_cage(canvas, body, dent_mm=24, from_rad=1.3, to_rad=2.5, count=4, cartilage=False)
    spine_y = spine_middle_mm(body, 1.08, 0.46)
    canvas.fill("abdominal fat", trunk(w - 1, d - 2, dent_mm=34, dent_width_mm=40))
    small = float(rng.uniform(0.7, 1.0))
    liver = [
        (-0.93 * w, -0.42 * d),
        (-0.62 * w, -0.72 * d * small),
        (-0.5 * w, -0.5 * d * small),
        (-0.55 * w, -0.1 * d),
        (-0.68 * w, 0.36 * d),
    ]
    canvas.smooth("liver", [*liver, (-0.86 * w, 0.36 * d), (-0.95 * w, 0.0)], 2.5)
    for _ in range(7):
        at = (rng.uniform(-0.85, -0.62) * w, rng.uniform(-0.45, 0.2) * d)
        canvas.oval("liver vessel", at, (rng.uniform(1, 3), rng.uniform(1, 2.2)), rng.uniform(0, 3))
    if rng.random() < 0.6:
        canvas.oval("stomach wall", (-0.42 * w, -0.42 * d), (13, 19), 0.3)
        canvas.oval("gallbladder", (-0.42 * w, -0.42 * d), (11.5, 17.5), 0.3)
    for _ in range(int(rng.integers(14, 20))):
        at = (rng.uniform(-0.4, 0.72) * w, rng.uniform(-0.72, -0.12) * d)
        bowel_loop(canvas, at, rng.uniform(8, 13))
    bowel_loop(canvas, (-0.36 * w, -0.08 * d), 12)
    canvas.smooth("pancreas", [(-26, -14), (-16, -26), (8, -24), (36, -32), (38, -22), (10, -12), (-12, -4)], 2)
    for side in (-1, 1):
        canvas.oval("abdominal fat", (side * 0.54 * w, spine_y), (32, 37), side * 0.45)
        _kidney(canvas, side, (side * (0.54 * w + rng.normal(0, 2)), spine_y + 2 + rng.normal(0, 4)))
    canvas.smooth(
        "bowel wall",
        [(0.78 * w, -0.2 * d), (0.92 * w, 0.0), (0.9 * w, 0.3 * d), (0.76 * w, 0.3 * d), (0.72 * w, 0.02 * d)],
        3,
    )
    canvas.smooth(
        "stool",
        [(0.79 * w, -0.14 * d), (0.89 * w, 0.01), (0.87 * w, 0.25 * d), (0.78 * w, 0.25 * d), (0.75 * w, 0.02 * d)],
        2,
    )
    canvas.oval("gas", (0.81 * w, -0.03 * d), (6, 5), 0, 0.15)
    _psoas(canvas, spine_y, 12)
    spine(canvas, spine_y, scale=1.08, paraspinal_mm=24)
    canvas.oval("aorta", (8, spine_y - 27), (10, 10), 0, 0.03)
    canvas.oval("vein", (-19, spine_y - 25), (12.5, 9), 0.2)
    canvas.line("vein", [[-14, spine_y - 29], [4, spine_y - 38], [22, spine_y - 24], [0.4 * w, spine_y]], 5.0)
    canvas.oval("aorta", (4, spine_y - 46), (3.6, 3.6))
    canvas.oval("vein", (-8, spine_y - 47), (5.5, 5))
    _dots(canvas, "vein", (-0.3 * w, 0.6 * w), (-0.6 * d, -0.02 * d), 16)
    return canvas.section("middle abdomen", half_extent_mm(body))


def lower_abdomen(canvas: Canvas, body: Body) -> Section:
    """Belly below the kidneys: small bowel in its mesentery, ascending and descending colon, psoas, great vessels."""
    rng = canvas.rng
    w, d = body.half_width_mm * 0.97, body.half_depth_mm
    wall(canvas, body, dent_mm=10, wall_share=1.1)
    spine_y = spine_middle_mm(body, 1.12, 0.42)
    canvas.fill("abdominal fat", trunk(w, d - 2, dent_mm=36, dent_width_mm=46))
    canvas.line("muscle fat", [[0, -d + 1], [0, -d - 0.7 * body.wall_mm]], 5.0)
    if rng.random() < 0.5:
        canvas.smooth(
            "liver", [(-0.92 * w, -0.1 * d), (-0.72 * w, -0.3 * d), (-0.72 * w, 0.12 * d), (-0.84 * w, 0.26 * d)], 2
        )
    for _ in range(int(rng.integers(24, 34))):
        at = (rng.uniform(-0.55, 0.66) * w, rng.uniform(-0.8, -0.05) * d)
        bowel_loop(canvas, at, rng.uniform(8, 14))
    for side in (-1, 1):
        center = (side * 0.78 * w, rng.uniform(-0.02, 0.2) * d)
        canvas.oval("bowel wall", center, (18, 20), 0, 0.1)
        canvas.oval("stool", center, (16, 18), 0, 0.1)
        canvas.oval(
            "gas", (center[0] + rng.normal(0, 3), center[1] - 8), (rng.uniform(4, 10), rng.uniform(3, 7)), 0, 0.2
        )
    _psoas(canvas, spine_y, 18)
    spine(canvas, spine_y, scale=1.12, paraspinal_mm=24)
    canvas.oval("aorta", (10, spine_y - 27), (8.8, 8.8), 0, 0.03)
    canvas.oval("vein", (-15, spine_y - 26), (12, 8.5), 0.15)
    _dots(canvas, "vein", (-0.5 * w, 0.6 * w), (-0.7 * d, 0.05 * d), 26)
    return canvas.section("lower abdomen", half_extent_mm(body))


def _lung_bases(canvas: Canvas, w: float, d: float) -> None:
    for side in (-1, 1):
        deep = float(canvas.rng.uniform(0.5, 0.72))
        canvas.smooth(
            "lung",
            [
                (side * 0.25 * w, 0.62 * d),
                (side * 0.55 * w, 0.93 * d),
                (side * 0.8 * w, 0.66 * d),
                (side * 0.62 * w, deep * d),
            ],
            2,
        )


def _stomach(canvas: Canvas, w: float, d: float) -> None:
    rng = canvas.rng
    corners = np.array([(0.36, -0.72), (0.62, -0.66), (0.76, -0.3), (0.62, -0.02), (0.42, -0.1), (0.3, -0.42)]) * [w, d]
    corners += rng.normal(0, 3, corners.shape)
    middle = corners.mean(axis=0)
    filling = "oral contrast" if rng.random() < 0.55 else "stomach content"
    canvas.smooth("stomach wall", [tuple(p) for p in corners], 0.01)
    inner = canvas.smooth(filling, [tuple(p) for p in middle + (corners - middle) * 0.86], 0.8)
    level = float(np.quantile(inner[:, 1], rng.uniform(0.15, 0.5)))  # air lies in front, its surface is level
    canvas.fill("gas", inner[inner[:, 1] <= level])


def _kidney(canvas: Canvas, side: int, center: tuple[float, float]) -> None:
    rng = canvas.rng
    tilt = side * 0.45
    axes = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])

    def at(along: float, up: float) -> tuple[float, float]:
        x, y = np.array([along, up]) @ axes
        return center[0] + x, center[1] + y

    canvas.oval("kidney cortex", center, (24, 29), tilt, 0.04)
    for share in np.linspace(-1.9, 1.9, 7):
        direction = (0.0 if side > 0 else np.pi) + share
        canvas.oval("kidney medulla", at(14 * np.cos(direction), 18 * np.sin(direction)), (4.5, 4), direction, 0.1)
    canvas.oval("abdominal fat", at(-side * 17, 0), (13, 7), tilt, 0.12)
    canvas.oval("kidney pelvis", at(-side * 12, 0), (6, 3), tilt + rng.normal(0, 0.3), 0.15)


def _psoas(canvas: Canvas, spine_y: float, radius: float) -> None:
    for side in (-1, 1):
        canvas.oval("muscle", (side * (44 + radius), spine_y + 24), (16 + 0.3 * radius, 8), side * 0.3)
        canvas.line("abdominal fat", [[side * (26 + radius), spine_y + 20], [side * (48 + radius), spine_y + 13]], 2.5)
        canvas.oval("muscle", (side * (18 + radius), spine_y + 2), (radius, radius * 1.25), side * 0.2)


def _dots(canvas: Canvas, tissue: str, x_mm: tuple[float, float], y_mm: tuple[float, float], count: int) -> None:
    rng = canvas.rng
    for _ in range(count):
        radius = rng.uniform(0.9, 2.4)
        canvas.oval(
            tissue, (rng.uniform(*x_mm), rng.uniform(*y_mm)), (radius * rng.uniform(1, 2), radius), rng.uniform(0, 3)
        )
