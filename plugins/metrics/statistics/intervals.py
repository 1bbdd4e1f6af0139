"""How far a share that was counted may lie from the true one."""

from math import sqrt
from statistics import NormalDist


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """The score interval of a proportion of which k of n were seen; None of nothing.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927), 209-212. With z
    the normal quantile of the confidence and p = k / n, its ends are (p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 + z²/n).
    It holds p, stays within 0 and 1, and is fair for small n too. Raises ValueError unless 0 <= k <= n and 0 < confidence < 1.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")
    z = two_sided(confidence)
    if not n:
        return None
    share, square = k / n, z * z / n
    middle, reach = share + square / 2, z * sqrt(share * (1 - share) / n + square / n / 4)
    # Rounding must not push an end past what the formula promises.
    low = min((middle - reach) / (1 + square), share) if k else 0.0
    high = max((middle + reach) / (1 + square), share) if k < n else 1.0
    return max(low, 0.0), min(high, 1.0)


def two_sided(confidence: float) -> float:
    """The z for which a standard normal number lies between -z and z with this probability; ValueError unless it is between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    return NormalDist().inv_cdf((1 + confidence) / 2)
