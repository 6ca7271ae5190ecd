"""In which country a region, zone or name of a place stands, and whether that is in the Union."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field

from infra_mind.knowledge.tables import Row, Table, load

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
# Areas by name, and the multi-regions of Google Cloud Storage that lie in one of them.
_AREAS: Mapping[str, Literal["eu", "eea"]] = {"eu": "eu", "europeanunion": "eu", "eur4": "eu", "eea": "eea"}
_STATES = {"california": "CA", "usca": "CA"}
_ZONE = re.compile(r"^(?P<region>[a-z]{2,}(?:-[a-z]+)+-?\d+)(?:-?[a-z])$")


class Country(Row):
    """`eu`: Member State of the Union; `eea`: in the European Economic Area, which takes in the Union."""

    id: CountryCode
    name: str
    eu: bool = False
    eea: bool = False
    aliases: tuple[str, ...] = ()


class CloudRegion(Row):
    """A region of a cloud by its id. `state`: of the United States, where a rule asks for it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    provider: Literal["aws", "azure", "gcp"]
    country: CountryCode
    place: str = ""
    state: CountryCode | None = None


@dataclass(frozen=True)
class Place:
    """Where something stands. Of an `area` the country is not known; `region` only where a cloud's region was named."""

    country: str | None = None
    area: Literal["eu", "eea"] | None = None
    region: str | None = None
    state: str | None = None

    @property
    def eu(self) -> bool:
        return self.area == "eu" or (
            self.country in countries().by_key and countries().by_key[self.country].eu
        )

    @property
    def eea(self) -> bool:
        return self.area is not None or (
            self.country in countries().by_key and countries().by_key[self.country].eea
        )

    def holds(self, other: Place) -> bool:
        """True if all of `other` lies in this place: an area in a country cannot be told, so it does not."""
        if self.area is not None:
            return other.eu if self.area == "eu" else other.eea
        if self.region is not None:
            return other.region == self.region
        if self.state is not None:
            return (other.country, other.state) == (self.country, self.state)
        return other.country == self.country


def countries() -> Table[Country]:
    return load("countries", Country, attrgetter("id"))


def regions() -> Table[CloudRegion]:
    return load("region_countries", CloudRegion, attrgetter("id"))


def find(text: str) -> Place | None:
    """The place of a region (`eu-west-1`, `West Europe`, `europe-west4-a`), of a country's code or name, or of an area (`eu`, `eea`).

    None where it is not known or says too little (`europe`): a place is never guessed from a part of its name."""
    name = text.strip().lower()
    region = _region(name)
    if region is not None:
        return Place(country=region.country, region=region.id, state=region.state)
    plain = "".join(c for c in name if c.isalnum())
    if plain in _AREAS:
        return Place(area=_AREAS[plain])
    if plain in _STATES:
        return Place(country="US", state=_STATES[plain])
    code = _country_names().get(plain)
    return Place(country=code) if code else None


def _region(name: str) -> CloudRegion | None:
    known = regions().by_key
    zone = _ZONE.match(name)
    for candidate in (name, name.replace(" ", ""), zone["region"] if zone else ""):
        if candidate in known:
            return known[candidate]
    return None


@cache
def _country_names() -> Mapping[str, str]:
    found = {}
    for country in countries().rows:
        for name in (country.id, country.name, *country.aliases):
            found["".join(c for c in name.lower() if c.isalnum())] = country.id
    return found
