"""Round-1 labels against the hand-drawn masks: the tables of docs/pseudolabels.md.

Run: python tests/benchmarks/label_methods.py ../shared/data/deeplesion-manual-masks.npz
"""

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from ulskit.geometry.ellipse import ELLIPSES, HALF_PIXEL, ellipse_mask, outer_lens, quarter_ellipse
from ulskit.types import Mask

Draw = Callable[[npt.NDArray[np.float64], tuple[int, int]], Mask]


def dice(one: Mask, other: Mask) -> float:
    """Dice of two masks of which one at least is not empty."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def main(path: str) -> None:
    """Print the tables."""
    with np.load(path, allow_pickle=False) as data:
        masks = np.unpackbits(data["mask"], axis=-1).astype(bool)
        corner_endpoints = data["endpoints"].reshape(-1, 4, 2)
    used = [at for at in range(len(masks)) if masks[at].any()]
    endpoints = corner_endpoints - 0.5

    def scores(draw: Draw, marks: npt.NDArray[np.float64] = endpoints) -> list[str]:
        found = [dice(draw(marks[at], masks[at].shape), masks[at]) for at in used]
        return [f"{100 * np.mean(found):.1f} ± {100 * np.std(found):.1f}", f"{100 * min(found):.1f}"]

    show = Console().print
    table = Table("label method", "Dice, %", "worst", title=f"{len(used)} hand-drawn masks")
    for method in [*ELLIPSES, "quadrilateral"]:
        table.add_row(method, *scores(lambda xy, shape, method=method: ellipse_mask(xy, shape, method)))
    show(table)
    table = Table(
        "subtracted from the CSV's coordinates", "Dice, %", "worst", title="origin of the coordinates, quarter"
    )
    for offset in (0.0, 0.5, 1.0):
        table.add_row(f"{offset}", *scores(ellipse_mask, corner_endpoints - offset))
    show(table)
    table = Table("semi-axes grown by, px", "Dice, %", "worst", title="growth, quarter")
    for margin in (0.0, 0.25, HALF_PIXEL, 0.75, 1.0):
        table.add_row(
            f"{margin}", *scores(lambda xy, shape, margin=margin: quarter_ellipse(xy).grown(margin).mask(shape))
        )
    show(table)
    table = Table("tolerance", "lesion pixels cut off, %", "masks cut", "lens / lesion area", title="outer lens")
    total = sum(int(masks[at].sum()) for at in used)
    for tolerance in (0.0, 0.1, 0.2, 0.25, 0.3, 0.4):
        lenses = [outer_lens(endpoints[at], masks[at].shape, tolerance) for at in used]
        lost = [int((masks[at] & ~lens).sum()) for at, lens in zip(used, lenses, strict=True)]
        ratio = np.mean([lens.sum() / masks[at].sum() for at, lens in zip(used, lenses, strict=True)])
        table.add_row(f"{tolerance}", f"{100 * sum(lost) / total:.3f}", f"{sum(n > 0 for n in lost)}", f"{ratio:.1f}")
    show(table)


if __name__ == "__main__":
    main(sys.argv[1])
