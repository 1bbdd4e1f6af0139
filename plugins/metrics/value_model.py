"""The models of what customers will bring, fitted to their histories, and where the data do not determine them, why."""

from dataclasses import dataclass

from plugins.metrics.statistics.bgnbd import BgNbd
from plugins.metrics.statistics.gamma_gamma import GammaGamma
from plugins.metrics.statistics.likelihood import Undetermined
from plugins.metrics.value_histories import Histories


@dataclass(frozen=True)
class Models:
    """How often customers will buy, and for how much each time, in minor units; `undetermined` says why one of them is None."""

    buying: BgNbd | None
    spending: GammaGamma | None
    undetermined: str | None


def fitted(observed: Histories) -> Models:
    """The models that fit best. It takes seconds for a million customers: to be called in a thread."""
    buying, spending, reasons = None, None, []
    try:
        buying = BgNbd.fit(observed.buyers)
    except Undetermined as reason:
        reasons.append(f"How often they buy is not determined: {reason}.")
    try:
        spending = GammaGamma.fit(observed.spendings)
    except Undetermined as reason:
        reasons.append(f"For how much they buy is not determined: {reason}.")
    return Models(buying, spending, " ".join(reasons) or None)
