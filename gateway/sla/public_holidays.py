"""Public holidays by country and region, from the library `holidays`: "DE", "DE-BE", "US-CA"."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from types import ModuleType


def is_region(code: str) -> bool:
    """Whether there are holidays for a country ("DE") or a region of it ("DE-BE")."""
    country, dash, region = code.partition("-")
    known = _library().list_supported_countries(include_aliases=True)
    return country in known and (region in known[country] if dash else True)


def possible_regions(code: str) -> tuple[str, ...]:
    """What could have been meant: the regions of its country, or all countries where there is no such country."""
    known = _library().list_supported_countries(include_aliases=True)
    country = code.partition("-")[0]
    return tuple(f"{country}-{one}" for one in known[country]) if country in known else tuple(sorted(known))


@lru_cache(maxsize=256)
def public_holidays(code: str, year: int) -> frozenset[date]:
    """The days of one year on which a country, or a region of it, has a public holiday."""
    country, _, region = code.partition("-")
    return frozenset(_library().country_holidays(country, subdiv=region or None, years=year))


def _library() -> ModuleType:
    """Loaded where a calendar has holidays, and only then: it costs every start a twentieth of a second."""
    import holidays

    return holidays
