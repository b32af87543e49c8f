"""Agreement of two measurements of the same lesions: Bland–Altman, mean absolute error, ICC(2,1)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from ulskit.errors import DataError, UsageError

LIMITS = 1.96
"""Standard deviations between the bias and either limit of agreement (Bland & Altman 1986)."""


@dataclass(frozen=True, kw_only=True)
class IntraclassCorrelation:
    """ICC(2,1) with its confidence interval; all NaN where it is not defined."""

    icc: float
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far ``measured`` agrees with ``reference``, in their unit.

    Attributes:
        n: pairs compared.
        dropped: pairs left out because a value is NaN or infinite.
        bias: mean of measured − reference; NaN for no pair.
        sd: standard deviation of the differences (n − 1); NaN below two pairs.
        lower, upper: 95 % limits of agreement, bias ∓ 1.96 sd.
        mean_absolute_error: mean of the absolute differences.
        icc, icc_lower, icc_upper: ICC(2,1) and its 95 % confidence interval.
    """

    n: int
    dropped: int
    bias: float
    sd: float
    lower: float
    upper: float
    mean_absolute_error: float
    icc: float
    icc_lower: float
    icc_upper: float

    def as_row(self) -> dict[str, float | int]:
        """All figures, for one row of a table."""
        return asdict(self)


def agreement(measured: npt.ArrayLike, reference: npt.ArrayLike) -> Agreement:
    """Compare two measurements of the same lesions, pair by pair.

    Args:
        measured: ``[n]``.
        reference: ``[n]``, in the same unit.

    Raises:
        DataError: not two lists of numbers of one length.

    Source: Bland & Altman, Lancet 1986; :func:`icc_2_1`.
    """
    pairs = [np.asarray(values, dtype=np.float64) for values in (measured, reference)]
    if pairs[0].ndim != 1 or pairs[0].shape != pairs[1].shape:
        raise DataError(f"agreement needs two lists of one length, got shapes {pairs[0].shape} and {pairs[1].shape}")
    both = np.stack(pairs, axis=1)
    whole = np.isfinite(both).all(axis=1)
    kept = both[whole]
    n = len(kept)
    differences = kept[:, 0] - kept[:, 1]
    bias = float(differences.mean()) if n else math.nan
    sd = float(differences.std(ddof=1)) if n > 1 else math.nan
    correlation = icc_2_1(kept)
    return Agreement(
        n=n,
        dropped=int((~whole).sum()),
        bias=bias,
        sd=sd,
        lower=bias - LIMITS * sd,
        upper=bias + LIMITS * sd,
        mean_absolute_error=float(np.abs(differences).mean()) if n else math.nan,
        icc=correlation.icc,
        icc_lower=correlation.lower,
        icc_upper=correlation.upper,
    )


def icc_2_1(ratings: npt.ArrayLike, confidence: float = 0.95) -> IntraclassCorrelation:
    """Intraclass correlation of single ratings: two-way random effects, absolute agreement.

    NaN below two targets, and where no rating differs from another. Without any disagreement it is 1, and so are both
    ends of its interval.

    Args:
        ratings: ``[target, rater]``, finite.
        confidence: of the interval, between 0 and 1.

    Raises:
        DataError: not 2-D, fewer than two raters, or a rating that is not finite.
        UsageError: a confidence that is none.

    Source: Shrout & Fleiss, Psychol. Bull. 86, 1979, ICC(2,1); interval: McGraw & Wong, Psychol. Methods 1, 1996,
    table 7, ICC(A,1).
    """
    values = np.asarray(ratings, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise DataError(f"ratings are finite numbers [target, rater ≥ 2], got shape {values.shape}")
    if not 0 < confidence < 1:
        raise UsageError(f"a confidence lies between 0 and 1, got {confidence}")
    n, k = values.shape
    values = values / max(float(np.abs(values).max(initial=0)), np.finfo(float).tiny)  # the unit does not matter
    if n < 2 or np.ptp(values) == 0:
        return IntraclassCorrelation(icc=math.nan, lower=math.nan, upper=math.nan)
    if (values == values[:, :1]).all():
        return IntraclassCorrelation(icc=1.0, lower=1.0, upper=1.0)
    values = (values - values.mean()) / np.ptp(values)  # so that no square overflows or vanishes
    mean, of_targets, of_raters = values.mean(), values.mean(axis=1, keepdims=True), values.mean(axis=0)
    targets = float(k * ((of_targets - mean) ** 2).sum() / (n - 1))
    raters = float(n * ((of_raters - mean) ** 2).sum() / (k - 1))
    error = float(((values - of_targets - of_raters + mean) ** 2).sum() / ((n - 1) * (k - 1)))
    icc = (targets - error) / (targets + (k - 1) * error + k * (raters - error) / n)
    lower, upper = _interval(n, k, (targets, raters, error), icc, confidence)
    return IntraclassCorrelation(icc=icc, lower=lower, upper=upper)


def _interval(
    n: int, k: int, mean_squares: tuple[float, float, float], icc: float, confidence: float
) -> tuple[float, float]:
    from scipy.special import fdtri  # scipy.stats would take half a second to import

    targets, raters, error = mean_squares
    # Satterthwaite's degrees of freedom, with both weights multiplied by n (1 − icc), which cancels
    by_raters = k * icc * raters
    by_error = (n * (1 - icc) + k * icc * (n - 1)) * error
    spread = by_raters**2 / (k - 1) + by_error**2 / ((n - 1) * (k - 1))
    freedom = (by_raters + by_error) ** 2 / spread if spread > 0 else 1.0
    quantile = 1 - (1 - confidence) / 2
    above, below = float(fdtri(n - 1, freedom, quantile)), float(fdtri(freedom, n - 1, quantile))
    rest = k * raters + (k * n - k - n) * error
    lower = n * (targets - above * error) / (above * rest + n * targets)
    upper = n * (below * targets - error) / (rest + n * below * targets)
    return lower, upper
