"""Steps in words, for the list of versions and the shell."""

from __future__ import annotations

from influencespace.curation.options import PlanOptions

NAMES = {
    "reduction": "reduction ratio", "cap": "up-weight cap", "fairness": "fairness weight", "agreement": "weight of agreement",
    "floor": "coverage floor",
}
SHARES = ("reduction", "floor")


def changed(before: PlanOptions, after: PlanOptions) -> str:
    """What is other in the options after than before, such as "reduction ratio 20 % to 30 %"; empty if nothing is."""
    old, new = before.recipe(), after.recipe()
    other = [name for name in new if old[name] != new[name]]
    return ", ".join(f"{NAMES[name]} {_said(name, old[name])} to {_said(name, new[name])}" for name in other)


def said(options: PlanOptions) -> str:
    """All options, such as "reduction ratio 20 %, up-weight cap 4"."""
    return ", ".join(f"{NAMES[name]} {_said(name, value)}" for name, value in options.recipe().items())


def _said(name: str, value: float) -> str:
    return f"{100 * value:g} %" if name in SHARES else f"{value:g}"
