"""What lesions are like in each part of the body.

HU: Prokop and Galanski, Spiral and Multislice Computed Tomography of the Body (Thieme 2003): metastases 20 to 60 HU
below the liver in the portal venous phase, cysts near water, nodes near muscle. Frequencies of the types are those of
DeepLesion's validation split (Yan et al. 2018), long axes follow its distribution (median 18 mm, skewed).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LesionKind:
    """What lesions of one type have in common.

    Attributes:
        code: Coarse_lesion_type of DL_info.csv.
        share: frequency among all lesions.
        levels: cross sections in which it occurs.
        home: tissues in which its centre lies.
        room: tissues over which it may grow; it stops at all others.
        depth: least distance of the centre from foreign tissue, relative to half the long axis.
        contrasts: pairs of (reference tissue or ``""`` for water, mean offset in HU, its standard deviation).
        shapes: probabilities of smooth, lobulated, spiculated.
        median_mm: median long axis.
        necrosis: share of lesions with a dark centre.
        neighbour: share of lesions with a neighbour of like intensity.
        window_hu: DICOM window in which it is read.
    """

    code: int
    share: float
    levels: tuple[str, ...]
    home: tuple[str, ...]
    room: tuple[str, ...]
    depth: float
    contrasts: tuple[tuple[str, float, float], ...]
    shapes: tuple[float, float, float]
    median_mm: float
    necrosis: float
    neighbour: float
    window_hu: tuple[float, float] = (-175, 275)


_LUNG = ("lung", "lung vessel", "small lung vessel", "faint lung vessel", "fissure")
_SOFT = (0.55, 0.35, 0.10)
KINDS: dict[str, LesionKind] = {
    "bone": LesionKind(
        code=1,
        share=0.03,
        levels=("lower abdomen", "upper pelvis", "lower pelvis", "upper abdomen"),
        home=("cancellous bone",),
        room=("cancellous bone", "cortical bone"),
        depth=0.55,
        contrasts=(("", 60, 18), ("", 70, 15), ("", 620, 110)),
        shapes=(0.5, 0.35, 0.15),
        median_mm=20,
        necrosis=0.0,
        neighbour=0.0,
        window_hu=(-1500, 500),
    ),
    "abdomen": LesionKind(
        code=2,
        share=0.20,
        levels=("middle abdomen", "lower abdomen", "upper abdomen"),
        home=("abdominal fat",),
        room=("abdominal fat", "bowel wall", "bowel content", "oral contrast"),
        depth=0.45,
        contrasts=(("muscle", 5, 12), ("bowel wall", 0, 12), ("vein", -35, 15)),
        shapes=_SOFT,
        median_mm=23,
        necrosis=0.2,
        neighbour=0.6,
    ),
    "mediastinum": LesionKind(
        code=3,
        share=0.17,
        levels=("upper thorax", "lower thorax"),
        home=("mediastinal fat",),
        room=("mediastinal fat", *_LUNG),
        depth=0.35,
        contrasts=(("muscle", 5, 14), ("heart muscle", -10, 15)),
        shapes=_SOFT,
        median_mm=19,
        necrosis=0.15,
        neighbour=0.5,
    ),
    "liver": LesionKind(
        code=4,
        share=0.13,
        levels=("upper abdomen", "middle abdomen"),
        home=("liver",),
        room=("liver", "liver vessel"),
        depth=0.8,
        contrasts=(("liver", -42, 12), ("liver", -28, 8), ("liver", -15, 3)),
        shapes=(0.55, 0.4, 0.05),
        median_mm=23,
        necrosis=0.3,
        neighbour=0.35,
    ),
    "lung": LesionKind(
        code=5,
        share=0.26,
        levels=("upper thorax", "lower thorax"),
        home=("lung",),
        room=_LUNG,
        depth=0.45,
        contrasts=(("", 35, 14), ("", 25, 14), ("", -60, 60)),
        shapes=(0.4, 0.3, 0.3),
        median_mm=14.5,
        necrosis=0.08,
        neighbour=0.45,
        window_hu=(-1500, 500),
    ),
    "kidney": LesionKind(
        code=6,
        share=0.05,
        levels=("middle abdomen",),
        home=("kidney cortex", "kidney medulla"),
        room=("kidney cortex", "kidney medulla", "abdominal fat", "kidney pelvis"),
        depth=0.15,
        contrasts=(("", 8, 6), ("kidney cortex", -75, 15), ("kidney cortex", -45, 10)),
        shapes=(0.75, 0.25, 0.0),
        median_mm=20,
        necrosis=0.15,
        neighbour=0.0,
    ),
    "soft tissue": LesionKind(
        code=7,
        share=0.07,
        levels=("upper thorax", "lower abdomen", "upper pelvis", "lower pelvis", "lower thorax"),
        home=("subcutaneous fat", "muscle"),
        room=("subcutaneous fat", "muscle", "muscle fat"),
        depth=0.5,
        contrasts=(("muscle", -18, 6), ("muscle", 18, 8), ("muscle", 0, 10)),
        shapes=_SOFT,
        median_mm=19,
        necrosis=0.2,
        neighbour=0.1,
    ),
    "pelvis": LesionKind(
        code=8,
        share=0.09,
        levels=("upper pelvis", "lower pelvis"),
        home=("pelvic fat",),
        room=("pelvic fat", "bowel wall", "bowel content", "oral contrast"),
        depth=0.45,
        contrasts=(("muscle", 5, 12), ("pelvic organ", 0, 12), ("", 15, 6)),
        shapes=_SOFT,
        median_mm=21,
        necrosis=0.2,
        neighbour=0.6,
    ),
}
"""Kinds of lesion by the names of DeepLesion's eight types."""
