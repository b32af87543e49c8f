"""Patients, their lesions and their studies, before any pixel is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ulskit.errors import UsageError
from ulskit.phantom.acquisition import Scanner
from ulskit.phantom.kinds import KINDS
from ulskit.phantom.lesions import Lesion, draw_lesion
from ulskit.phantom.sections import Body, Frame, Section, paint_section
from ulskit.phantom.slices import draw_scanner, draw_section, planning_frame, view_center_mm
from ulskit.phantom.tissues import PHASES
from ulskit.phantom.trunk import draw_body, half_extent_mm
from ulskit.types import PointsXY

TRAIN, VALIDATION, TEST = 1, 2, 3

_LEVEL_Z = {
    "upper thorax": 0.40,
    "lower thorax": 0.49,
    "upper abdomen": 0.60,
    "middle abdomen": 0.66,
    "lower abdomen": 0.71,
    "upper pelvis": 0.76,
    "lower pelvis": 0.82,
}
_BODY_MM = 1600.0
_TOP_Z = 0.33
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class PhantomSettings:
    """What a phantom data set is to be like.

    Attributes:
        seed: the one seed; a patient depends on it and on its own number only, so that more patients can follow.
        patients: how many.
        size: height and width of all slices in pixels, a multiple of 8.
        spacing_mm: bounds of the distance of pixel centres. Where the field is smaller than the body, it lies about
            the lesions.
        slice_intervals_mm: intervals of slices to choose from.
        lesions: fewest and most lesions of a patient.
        studies: fewest and most studies of a patient.
        shared_slice: share of further lesions that are placed on the slice of an earlier one.
        kinds: lesion types, names in :data:`ulskit.phantom.kinds.KINDS`, drawn by their shares in DeepLesion.
        long_axis_mm: bounds of the long axis when first seen.
        edge_mm: bounds of the blur of the lesions' borders.
        hand_error_px: standard deviation of every endpoint of a mark along x and y.
        tilt_deg: standard deviation of the angle between the diameters about 90 degrees.
        noise_hu: bounds of the noise in the middle of the body.
        split_shares: of patients for training, validation and test.
        context_slices: neighbours written on either side of a key slice.
    """

    seed: int = 0
    patients: int = 20
    size: int = 512
    spacing_mm: tuple[float, float] = (0.65, 0.95)
    slice_intervals_mm: tuple[float, ...] = (1.0, 2.0, 5.0)
    lesions: tuple[int, int] = (1, 4)
    studies: tuple[int, int] = (1, 3)
    shared_slice: float = 0.2
    kinds: tuple[str, ...] = tuple(KINDS)
    long_axis_mm: tuple[float, float] = (6.0, 60.0)
    edge_mm: tuple[float, float] = (0.0, 1.4)
    hand_error_px: float = 0.6
    tilt_deg: float = 2.5
    noise_hu: tuple[float, float] = (7.0, 20.0)
    split_shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    context_slices: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):  # lists, as read from JSON or YAML, are taken too
            if isinstance(getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
        if self.size < 64 or self.size % 8:
            raise UsageError(f"the size of a phantom is a multiple of 8 from 64 on, got {self.size}")
        if not 1 <= self.patients <= 999_999:
            raise UsageError(f"a phantom data set has 1 to 999999 patients, got {self.patients}")
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise UsageError(f"no lesion type {', '.join(unknown) or '(none given)'}; there is {', '.join(KINDS)}")
        for name in ("spacing_mm", "long_axis_mm", "lesions", "studies"):
            self._check_bounds(name, positive=True)
        for name in ("edge_mm", "noise_hu"):
            self._check_bounds(name, positive=False)
        shares = self.split_shares
        if len(shares) != 3 or min(shares) < 0 or sum(shares) <= 0:
            raise UsageError(f"split_shares are three shares of patients, got {shares}")
        if self.seed < 0 or min(self.hand_error_px, self.tilt_deg, self.context_slices) < 0:
            raise UsageError("seed, hand_error_px, tilt_deg and context_slices are 0 or more")
        if not self.slice_intervals_mm or min(self.slice_intervals_mm) <= 0:
            raise UsageError(f"slice_intervals_mm are positive, got {self.slice_intervals_mm}")

    def _check_bounds(self, name: str, *, positive: bool) -> None:
        bounds = getattr(self, name)
        if len(bounds) != 2 or not bounds[0] <= bounds[1] or bounds[0] < 0 or (positive and bounds[0] == 0):
            raise UsageError(f"{name} are a lower and an upper bound, got {bounds}")

    def stream(self, patient: int, *key: int) -> np.random.Generator:
        """The generator of one purpose of one patient, independent of all others."""
        return np.random.default_rng(np.random.SeedSequence([self.seed, patient], spawn_key=key))


@dataclass(frozen=True, kw_only=True)
class Place:
    """One cross section of a patient and the lesions in it, as first seen."""

    level: str
    number: int
    z: float
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True, kw_only=True)
class View:
    """One key slice of one study."""

    place: Place
    key_slice: int
    frame: Frame
    lesions: tuple[Lesion, ...]
    """The lesions of the place, grown or shrunk since the first study."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One examination."""

    number: int
    age: int
    phase: str
    scanner: Scanner
    slice_interval_mm: float
    slice_count: int
    outside_hu: int
    views: tuple[View, ...]

    def slice_range(self, key_slice: int) -> tuple[int, int]:
        """First and last slice that belong to a key slice: 30 mm on either side, as in DeepLesion."""
        reach = max(1, round(30 / self.slice_interval_mm))
        return max(1, key_slice - reach), min(self.slice_count, key_slice + reach)


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One patient with all studies."""

    number: int
    body: Body
    split: int
    studies: tuple[Study, ...]


def draw_patient(settings: PhantomSettings, number: int, outlines_mm: Sequence[PointsXY] = ()) -> Patient:
    """A patient of a data set; the same settings and number give the same patient.

    Args:
        settings: of the data set.
        number: from 1 on.
        outlines_mm: real outlines to take lesions' shapes from, each ``[n, 2]``.
    """
    rng = settings.stream(number, 0)
    body = draw_body(rng, "MF"[int(rng.integers(2))])
    places = _draw_places(rng, settings, number, body, outlines_mm)
    age = int(np.clip(rng.normal(58, 15), 18, 90))
    growth = {lesion: 1.0 for place in places for lesion in map(id, place.lesions)}
    studies = []
    for study in range(1, int(rng.integers(settings.studies[0], settings.studies[1] + 1)) + 1):
        if study > 1:
            age += int(rng.random() < 0.4)
            trend = rng.normal(0, 0.15)  # of a therapy; each lesion answers in its own way
            for lesion, size in growth.items():
                growth[lesion] = float(np.clip(size * np.exp(trend + rng.normal(0, 0.15)), 0.4, 2.2))
        studies.append(_draw_study(rng, settings, body, places, patient=number, number=study, age=age, growth=growth))
    return Patient(number=number, body=body, split=split_of(settings, number), studies=tuple(studies))


def split_of(settings: PhantomSettings, number: int) -> int:
    """Split of a patient: 1 training, 2 validation, 3 test.

    The golden section spreads any number of patients evenly, and a patient stays where it is when more follow.
    """
    limits = np.cumsum(settings.split_shares) / sum(settings.split_shares)
    return 1 + int(np.searchsorted(limits[:2], ((number + settings.seed) * _GOLDEN) % 1.0, side="right"))


def section_of(settings: PhantomSettings, patient: int, body: Body, place: Place, z_mm: float = 0.0) -> Section:
    """The anatomy of a place, the same in every study; ``z_mm`` is the distance from the key slice."""
    return draw_section(settings.stream(patient, 1, place.number), place.level, body, z_mm)


def _draw_places(
    rng: np.random.Generator, settings: PhantomSettings, patient: int, body: Body, outlines_mm: Sequence[PointsXY]
) -> list[Place]:
    low, high = settings.lesions
    wanted = low + int(min(rng.geometric(0.5) - 1, high - low))
    shares = np.array([KINDS[kind].share for kind in settings.kinds])
    # Nothing smaller than seven of the widest pixels: below, a mask is a few pixels and its diameters are chance.
    smallest = max(settings.long_axis_mm[0], 7 * settings.spacing_mm[1])
    bounds = (smallest, max(smallest, settings.long_axis_mm[1]))
    field_mm = settings.size * settings.spacing_mm[0]
    places: list[Place] = []
    for _ in range(8 * wanted):
        if sum(len(place.lesions) for place in places) >= wanted:
            break
        kind = str(rng.choice(settings.kinds, p=shares / shares.sum()))
        at = next((at for at, place in enumerate(places) if place.level in KINDS[kind].levels), None)
        shared = at is not None and rng.random() < settings.shared_slice
        if at is None or not shared:
            level = str(rng.choice(KINDS[kind].levels))
            z = _LEVEL_Z[level] + rng.uniform(-0.02, 0.02)
            place = Place(level=level, number=len(places), z=float(z), lesions=())
        else:
            place = places[at]
        section = section_of(settings, patient, body, place)
        plan = planning_frame(section)
        lesion = draw_lesion(
            rng,
            kind,
            paint_section(section, plan),
            plan,
            long_axis_mm=bounds,
            taken=place.lesions,
            within_mm=0.4 * field_mm,
            edge_mm=settings.edge_mm,
            outlines_mm=outlines_mm,
        )
        if lesion is None:
            continue
        filled = Place(level=place.level, number=place.number, z=place.z, lesions=(*place.lesions, lesion))
        places[filled.number : filled.number + 1] = [filled]
    return places


def _draw_study(
    rng: np.random.Generator,
    settings: PhantomSettings,
    body: Body,
    places: Sequence[Place],
    *,
    patient: int,
    number: int,
    age: int,
    growth: dict[int, float],
) -> Study:
    interval = float(rng.choice(settings.slice_intervals_mm))
    count = int(_BODY_MM * 0.55 / interval)
    fitting = 2 * half_extent_mm(body)[0] * rng.uniform(1.03, 1.28) / settings.size
    spacing = float(f"{np.clip(fitting, *settings.spacing_mm):.6g}")
    center = (float(rng.normal(0, 8)), float(rng.normal(10, 8)))
    turn = float(np.radians(np.clip(rng.normal(0, 1.5), -4, 4)))
    views: list[View] = []
    last = settings.context_slices
    for place in sorted(places, key=lambda place: place.z):
        key = max(last + 2 * settings.context_slices + 1, round((place.z - _TOP_Z) * _BODY_MM / interval))
        last = key
        lesions = tuple(lesion.grown(growth[id(lesion)]) for lesion in place.lesions)
        section = section_of(settings, patient, body, place)
        middle = view_center_mm(section, lesions, settings.size * spacing, center)
        frame = Frame(size=settings.size, spacing_mm=spacing, center_mm=middle, turn_rad=turn)
        views.append(View(place=place, key_slice=key, frame=frame, lesions=lesions))
    return Study(
        number=number,
        age=age,
        phase=str(rng.choice(PHASES, p=(0.15, 0.12, 0.73))),
        scanner=draw_scanner(rng, settings.noise_hu),
        slice_interval_mm=interval,
        slice_count=max(count, last + settings.context_slices),
        outside_hu=-3024 if rng.random() < 0.08 else -1024,
        views=tuple(views),
    )
