"""Cross sections of the chest: at the great vessels, and at the heart."""

from __future__ import annotations

import numpy as np

from ulskit.phantom.sections import Body, Canvas, Section, trunk
from ulskit.phantom.shapes import turned
from ulskit.phantom.trunk import half_extent_mm, rib_cage, spine, spine_middle_mm, wall


def upper_thorax(canvas: Canvas, body: Body) -> Section:
    """Chest at the carina: ascending and descending aorta, pulmonary trunk, superior vena cava, main bronchi."""
    rng = canvas.rng
    width, depth = body.half_width_mm, body.half_depth_mm
    arm = float(rng.uniform(6, 24))
    wall(canvas, body, dent_mm=7, wall_share=1.25, arm_mm=arm)
    for side in (-1, 1):  # shoulder blades within their muscles
        canvas.oval("muscle", (side * (width - 6), depth * 0.5), (17, 38), side * 0.5)
        canvas.line(
            "muscle fat", np.array([[side * (width + 8), depth * 0.05], [side * (width - 20), depth * 0.85]]), 1.6
        )
        canvas.bone((side * (width - 3), depth * 0.58), (27, 2.6), np.pi / 2 + side * 0.6, 1.1)
    rib_cage(canvas, body, dent_mm=26, from_rad=0.45, to_rad=2.6, count=8, cartilage=True)
    spine_y = spine_middle_mm(body, forward=0.52)
    _lungs(canvas, body, dent_mm=30)
    _lung_vessels(canvas, body, hilum_mm=(40, 6))
    spine(canvas, spine_y, ribs=True, paraspinal_mm=19)
    canvas.bone((rng.normal(0, 2), -depth - 3), (20, 5.5), rng.normal(0, 0.05), 1.5)
    front, back = -depth + 3, spine_y - 10
    canvas.smooth(
        "mediastinal fat",
        [
            (0, front),
            (9, front + 18),
            (34, -30),
            (41, -5),
            (33, 14),
            (27, back + 8),
            (-6, back),
            (-25, back - 2),
            (-36, 8),
            (-33, -24),
            (-12, front + 18),
        ],
        2.0,
    )
    ascending = (-13 + rng.normal(0, 2), -26 + rng.normal(0, 3))
    canvas.smooth("pulmonary artery", [(10, -34), (24, -34), (33, -18), (40, -2), (33, 5), (20, -10), (12, -17)], 1.5)
    canvas.oval("aorta", ascending, (15.5, 15.5), 0, 0.03)
    canvas.oval("vein", (-33, -17 + rng.normal(0, 2)), (8.5, 10), 0.2)
    canvas.oval("vein", (-10, back - 3), (4, 4))
    canvas.oval("aorta", (24 + rng.normal(0, 2), spine_y - 14), (12.5, 12.5), 0, 0.03)
    canvas.oval("oesophagus", (8, back - 8), (9, 6))
    if rng.random() < 0.5:
        canvas.oval("gas", (8 + rng.normal(0, 2), back - 8), (2, 1.5))
    for side in (-1, 1):
        center = (side * 13 - 2, 3 + rng.normal(0, 2))
        tilt = side * 0.35
        canvas.oval("oesophagus", center, (10.5, 8), tilt, 0.03)
        canvas.oval("airway", center, (8.8, 6.4), tilt, 0.03)
        canvas.oval("pulmonary artery", (side * 45, 6 + rng.normal(0, 4)), (8, 6), side * 0.4)
    for _ in range(5):  # small nodes that nobody marks
        canvas.oval(
            "oesophagus", (rng.uniform(-25, 22), rng.uniform(-14, 16)), (rng.uniform(1.5, 3), rng.uniform(1.5, 4))
        )
    canvas.oval("oesophagus", (rng.normal(2, 3), front + 16), (5, 9), 0, 0.2)
    return canvas.section("upper thorax", half_extent_mm(body))


def lower_thorax(canvas: Canvas, body: Body) -> Section:
    """Chest at the heart, in some with the dome of the liver."""
    rng = canvas.rng
    width, depth = body.half_width_mm, body.half_depth_mm
    wall(canvas, body, dent_mm=8)
    rib_cage(canvas, body, dent_mm=26, from_rad=0.35, to_rad=2.6, count=8, cartilage=True)
    spine_y = spine_middle_mm(body, forward=0.52)
    _lungs(canvas, body, dent_mm=30)
    _lung_vessels(canvas, body, hilum_mm=(42, 22))
    spine(canvas, spine_y, ribs=True)
    canvas.bone((rng.normal(0, 2), -depth - 3), (17, 5.5), rng.normal(0, 0.05), 1.5)
    grow, deep = float(rng.uniform(0.88, 1.08)) * width / 132, float(rng.uniform(0.95, 1.08)) * depth / 84
    back = spine_y - 8
    heart = [(-34, -46), (0, -62), (40, -56), (72, -26), (74, 4), (48, 24), (14, 30), (-22, 18), (-42, -8)]
    top = -depth + 5
    canvas.smooth(
        "mediastinal fat",
        [(-24, top), (30, top), (62, -50), (80, -12), (58, 22), (30, back), (-24, back), (-40, 0), (-46, -36)],
        3,
    )
    canvas.smooth("heart muscle", [(x * grow, y * deep) for x, y in heart], 3)
    left = [(20, -22), (40, -34), (60, -20), (60, 0), (40, 6), (24, -4)]
    right = [(-30, -42), (-4, -56), (30, -50), (14, -34), (-4, -16), (-34, -8)]
    for chamber in (left, right):
        canvas.smooth("heart blood", [(x * grow, y * deep) for x, y in chamber], 2)
    canvas.smooth("heart blood", [(-18, 8), (6, 2), (26, 12), (10, 25), (-10, 20)], 2)
    canvas.oval("vein", (-33, 16 + rng.normal(0, 3)), (11, 9.5))
    canvas.oval("oesophagus", (4, back - 5), (9, 7))
    canvas.oval("aorta", (23 + rng.normal(0, 2), spine_y - 10), (12, 12), 0, 0.03)
    canvas.oval("vein", (-8, back), (3.5, 3.5))
    if rng.random() < 0.4:
        canvas.oval("liver", (-width * 0.52, rng.uniform(-14, 8)), (rng.uniform(22, 44), rng.uniform(22, 40)), 0, 0.05)
    return canvas.section("lower thorax", half_extent_mm(body))


def _lungs(canvas: Canvas, body: Body, *, dent_mm: float) -> None:
    rng = canvas.rng
    canvas.fill("muscle", trunk(body.half_width_mm + 0.5, body.half_depth_mm + 0.5, dent_mm=dent_mm))
    canvas.fill("lung", trunk(body.half_width_mm - 2.5, body.half_depth_mm - 2.5, dent_mm=dent_mm, dent_width_mm=32))
    for side in (-1, 1):
        x = side * np.linspace(38, body.half_width_mm - 9, 12)
        y = rng.uniform(-20, 25) + rng.normal(0, 0.2) * np.abs(x) + 6 * np.sin(np.abs(x) / 25 + rng.uniform(0, 6))
        canvas.line("fissure", np.stack([x, y], axis=-1), 0.9)


def _lung_vessels(canvas: Canvas, body: Body, *, hilum_mm: tuple[float, float]) -> None:
    """Arteries and veins, thinning towards the pleura, and bronchi beside them; none is drawn over other tissue."""
    rng = canvas.rng
    inner = trunk(body.half_width_mm - 7, body.half_depth_mm - 7, dent_mm=32, dent_width_mm=36)
    half_width, half_depth = float(inner[:, 0].max()), float(inner[:, 1].max())
    keep = len(canvas.parts)
    for side in (-1, 1):
        hilum = np.array([side * hilum_mm[0], hilum_mm[1]])
        outward = 0.0 if side > 0 else np.pi
        for spread in np.linspace(-1.2, 1.2, 5) + rng.normal(0, 0.15, 5):
            angle = outward + spread
            canvas.tree(
                "lung vessel",
                hilum,
                angle,
                rng.uniform(16, 28),
                rng.uniform(3.2, 5.0),
                shown=0.22,
                thin="small lung vessel",
            )
        for _ in range(2):
            at = hilum + np.array([side * rng.uniform(4, 26), rng.normal(0, 16)])
            radius = rng.uniform(1.8, 3.4)
            canvas.oval("bronchial wall", (at[0], at[1]), (radius + 1.0, radius + 1.0))
            canvas.oval("airway", (at[0], at[1]), (radius, radius))
        for _ in range(40):
            at = inner[int(rng.integers(len(inner)))] * rng.uniform(0.55, 0.97, 2)
            if abs(at[0]) > 40:
                radius = rng.uniform(0.45, 1.3)
                tissue = "lung vessel" if radius > 1.0 else "small lung vessel"
                canvas.oval(tissue, (at[0], at[1]), (radius, radius))
        for _ in range(110):  # twigs thinner than the slice
            at = np.array([side * rng.uniform(38, half_width), rng.uniform(-half_depth, half_depth)])
            twig = turned(
                np.array([[0.0, 0.0], [0.5, rng.normal(0, 0.15)], [1.0, 0.0]]) * rng.uniform(1.5, 8),
                rng.uniform(0, 2 * np.pi),
            )
            tissue = "faint lung vessel" if rng.random() < 0.7 else "small lung vessel"
            canvas.line(tissue, at + twig, rng.uniform(0.5, 1.0))
    drawn = canvas.parts[keep:]
    within = [np.all((np.abs(part.outline_mm / [half_width, half_depth]) ** 2.2).sum(axis=-1) < 1.0) for part in drawn]
    clear = [np.all(np.abs(part.outline_mm[:, 0]) > 36) for part in drawn]
    canvas.parts[keep:] = [part for part, inside, free in zip(drawn, within, clear, strict=True) if inside and free]
