"""The frame that all levels share: skin, fat, muscles, ribs, spine and couch."""

from __future__ import annotations

import numpy as np

from ulskit.phantom.sections import Body, Canvas, trunk
from ulskit.phantom.shapes import turned
from ulskit.types import PointsXY

_SKIN_MM = 2.0


def draw_body(rng: np.random.Generator, gender: str) -> Body:
    """A random adult build (trunk widths and depths of adults in CT, e.g. AAPM Report 204: 20 to 40 cm)."""
    large = rng.normal(0, 1)
    fat = float(np.clip(rng.lognormal(np.log(15 if gender == "M" else 19), 0.5), 5, 42))
    return Body(
        gender=gender,
        half_width_mm=float(np.clip((138 if gender == "M" else 126) + 8 * large, 112, 158)),
        half_depth_mm=float(np.clip((100 if gender == "M" else 92) + 6 * large + 0.35 * (fat - 15), 78, 124)),
        fat_mm=fat,
        wall_mm=float(np.clip(rng.normal(15 if gender == "M" else 12, 3), 7, 22)),
        visceral=float(np.clip((fat - 5) / 35 + rng.normal(0, 0.2), 0, 1)),
    )


def half_extent_mm(body: Body) -> tuple[float, float]:
    """Half width and half depth of the body with its skin."""
    return body.half_width_mm + body.wall_mm + body.fat_mm, body.half_depth_mm + 0.8 * body.wall_mm + 0.75 * body.fat_mm


def wall(canvas: Canvas, body: Body, *, dent_mm: float, wall_share: float = 1.0, arm_mm: float = 0.0) -> None:
    """Couch, clothing, skin, subcutaneous fat and the muscles of the wall, up to the cavity.

    Args:
        canvas: where it is drawn.
        body: the patient's build.
        dent_mm: depth of the furrow over the spine.
        wall_share: thickness of the wall's muscles relative to the body's.
        arm_mm: bulge of the shoulder girdle at either side.
    """
    width, depth = half_extent_mm(body)
    _couch(canvas, depth)
    skin = trunk(width, depth, exponent=2.25, dent_mm=dent_mm)
    skin[:, 0] += (
        np.sign(skin[:, 0]) * arm_mm * np.exp(-(((skin[:, 1] - 20) / 45) ** 2)) * np.abs(skin[:, 0] / width) ** 2
    )
    canvas.fill("skin", skin)
    canvas.fill("subcutaneous fat", _inset(skin, width, depth, _SKIN_MM, _SKIN_MM))
    rng = canvas.rng
    for _ in range(int(rng.integers(14, 26))):  # septa and small veins of the fat
        angle = rng.uniform(0, 2 * np.pi)
        at = np.array([(width - 0.5 * body.fat_mm) * np.cos(angle), (depth - 0.4 * body.fat_mm) * np.sin(angle)])
        along = turned(
            np.array([[-rng.uniform(2, 10), 0.0], [rng.uniform(2, 10), rng.normal(0, 2)]]), angle + np.pi / 2
        )
        canvas.line("muscle fat", at + along, 0.7)
    muscle_share = wall_share * body.wall_mm
    muscle = trunk(body.half_width_mm + muscle_share, body.half_depth_mm + 0.75 * muscle_share, dent_mm=0.7 * dent_mm)
    muscle[:, 0] += np.sign(muscle[:, 0]) * 0.8 * arm_mm * np.exp(-(((muscle[:, 1] - 20) / 42) ** 2))
    canvas.fill("muscle", muscle)
    for share in (0.35, 0.7):  # planes of fat between the layers of the wall
        layer = trunk(
            body.half_width_mm + share * muscle_share, body.half_depth_mm + share * 0.75 * muscle_share, dent_mm=dent_mm
        )
        for _ in range(5):
            start, length = int(rng.integers(180)), int(rng.integers(7, 18))
            piece = np.take(layer, np.arange(start, start + length), axis=0, mode="wrap")
            lean = np.linspace(0, 1, length)[:, None] * rng.normal(0, 0.02)
            canvas.line("muscle fat", piece * (1 + lean), float(rng.uniform(0.6, 1.4)))


def spine_middle_mm(body: Body, scale: float = 1.0, forward: float = 0.5) -> float:
    """y of the middle of a vertebra's body, such that the muscles behind it stay within the body."""
    return min(forward * body.half_depth_mm, half_extent_mm(body)[1] - 16 - 61 * scale)


def spine(canvas: Canvas, y_mm: float, *, scale: float = 1.0, ribs: bool = False, paraspinal_mm: float = 22.0) -> None:
    """A vertebra with its canal, processes and the muscles beside it; ``y_mm`` is the middle of its body."""
    rng = canvas.rng
    for side in (-1, 1):
        center = (side * 30 * scale, y_mm + 40 * scale)
        canvas.oval("muscle", center, (27 * scale, paraspinal_mm * scale), side * 0.25, 0.05)
        for _ in range(4):
            at = np.array(center) + rng.normal(0, [11, 7])
            canvas.line("muscle fat", at + turned(np.array([[-6.0, 0.0], [6.0, 0.0]]), rng.uniform(0, np.pi)), 0.8)
    canvas.oval("abdominal fat", (0, y_mm + 26 * scale), (15 * scale, 12 * scale))
    canvas.oval("cortical bone", (0, y_mm + 21 * scale), (15.5 * scale, 13 * scale), 0, 0.04)
    for side in (-1, 1):
        tilt = side * rng.normal(0.35, 0.12)
        reach = 28 * scale
        canvas.bone((side * reach, y_mm + 32 * scale), (15 * scale, 4.6 * scale), tilt, 1.3)
        canvas.bone((side * 14 * scale, y_mm + 29 * scale), (6 * scale, 7 * scale), side * 0.5, 1.2)
        if ribs:
            canvas.bone((side * 47 * scale, y_mm + 35 * scale), (13, 4.2), side * 0.5, 1.3)
    canvas.bone((0, y_mm + 43 * scale), (3.6 * scale, 14 * scale), rng.normal(0, 0.06), 1.2)
    canvas.bone((0, y_mm), (19.5 * scale, 15.5 * scale), 0, 1.3)
    canvas.oval("spinal canal", (0, y_mm + 21 * scale), (9.5 * scale, 7.6 * scale), 0, 0.03)


def rib_cage(
    canvas: Canvas, body: Body, *, dent_mm: float, from_rad: float, to_rad: float, count: int, cartilage: bool
) -> None:
    """Oblique cuts of ribs along the cavity at either side, angles measured from the front (0) to the back (pi)."""
    rng = canvas.rng
    cage = trunk(body.half_width_mm + 4.0, body.half_depth_mm + 3.5, dent_mm=dent_mm)
    bearing = np.arctan2(cage[:, 0], -cage[:, 1])
    for side in (-1, 1):
        for share in (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count:
            angle = from_rad + (to_rad - from_rad) * share
            at = int(np.argmin(np.abs(bearing - side * angle)))
            tangent = cage[(at + 2) % 180] - cage[at - 2]
            length = rng.uniform(7, 15) * (1.25 if angle > 1.9 else 1.0)
            center = (float(cage[at, 0]), float(cage[at, 1]))
            direction = float(np.arctan2(tangent[1], tangent[0])) + rng.normal(0, 0.08)
            if cartilage and angle < 0.75:
                canvas.oval("cartilage", center, (length, 5.5), direction)
            else:
                canvas.bone(center, (length, rng.uniform(3.8, 5.0)), direction, 1.3)


def bowel_loop(canvas: Canvas, at: tuple[float, float], radius: float) -> None:
    """One cut of small bowel: wall, fluid or contrast, in some a bubble."""
    rng = canvas.rng
    angle, long = rng.uniform(0, np.pi), rng.uniform(1.0, 1.9)
    canvas.oval("bowel wall", at, (radius * long, radius), angle, 0.12)
    kind = rng.random()
    if kind < 0.75:
        filling = "bowel content" if kind < 0.5 else "oral contrast"
        inner = 1 - rng.uniform(1.8, 3.0) / radius
        canvas.oval(filling, at, (radius * long * inner, radius * inner), angle, 0.12)
    if rng.random() < 0.25:
        canvas.oval("gas", (at[0], at[1] - 0.35 * radius), (radius * 0.5, radius * 0.35), 0, 0.15)


def _inset(outline: PointsXY, half_width: float, half_depth: float, dx_mm: float, dy_mm: float) -> PointsXY:
    return outline * [1 - dx_mm / half_width, 1 - dy_mm / half_depth]


def _couch(canvas: Canvas, depth_mm: float) -> None:
    rng = canvas.rng
    x = np.linspace(-230, 230, 60)
    flat = rng.uniform(0.0004, 0.0011)
    gap = rng.uniform(3, 9)
    top = np.stack([x, depth_mm + gap - flat * x**2], axis=-1)
    under = np.stack([x, depth_mm + gap + rng.uniform(20, 32) - 0.8 * flat * x**2], axis=-1)
    canvas.fixed("couch core", np.concatenate([top, under[::-1]]))
    canvas.fixed("couch shell", top, 2.0)
    canvas.fixed("couch shell", under, 2.0)
    for side in (-1, 1):  # folds of the gown
        lift = np.linspace(0, 1, 12)
        fold = np.stack([side * (150 + 50 * lift), depth_mm * (0.9 - 0.9 * lift) + 6 * np.sin(9 * lift)], axis=-1)
        canvas.line("clothing", fold, 1.0)
