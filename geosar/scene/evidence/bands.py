"""Which bands of a raster are used, for which polarisation, and which band is a mask."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from geosar.errors import SceneContentError, UsageError
from geosar.scene.evidence.claims import Evidence, Topic, Weight
from geosar.scene.evidence.facts import Facts
from geosar.scene.polarisations import named_in_file, without
from geosar.scene.request import NO_MASK, Request
from geosar.vocabulary import UNKNOWN

MOST_UNNAMED = 2
MOST_WITH_MASK = 5
"""Four polarisations and a mask: of more unnamed bands none is looked at."""
LISTED = 8
"""So many bands are listed in a message."""

# Other masks (cloud, water, nodata, layover) are zero where something else is so, or where everything is well.
_MASK = re.compile(r"(data|valid(ity)?|alpha)?[-_ ]?mask|valid\w*", re.IGNORECASE)
# Brightness before the slope of the ground, or even its place, is known: taken where there is no other.
_LESS = re.compile(r"(?<![a-z])beta[-_ ]?(0|nought|naught)", re.IGNORECASE)
# What Earth Engine's reducers and others put beside backscatter, in bands whose names keep the polarisation.
_OTHER = re.compile(
    r"angle|(?<![a-z])(std\w*|variance|var|count|ratio|coherence|entropy|phase|cv|span|rvi)(?![a-z])", re.IGNORECASE
)
Looks = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Choice:
    """Bands by number, from 1, with their polarisations; the band that is a mask; and what is to be said of it."""

    bands: tuple[tuple[int, str], ...]
    mask: int | None
    notes: tuple[str, ...]


def choose(facts: Facts, evidence: Sequence[Evidence], request: Request, printable: str, is_mask: Looks) -> Choice:
    """Choose the bands; `is_mask` looks whether a band holds nothing but 0 and one other number.

    Raises `SceneContentError` where it cannot be told which band is what, `UsageError` for a band that is not there.
    """
    named = polarisations_of(facts, evidence)
    mask, notes = _mask(facts, named, request, printable, is_mask)
    if request.bands:
        bands, more = _stated(facts, named, request, printable)
        return Choice(bands, mask, notes + more)
    free = [band.number for band in facts.bands if band.number != mask]
    if not free:
        raise SceneContentError(f"{printable} holds an alpha channel only; expected one or two bands.")
    usable = [number for number in free if not _OTHER.search(facts.bands[number - 1].description)] or free
    usable = [number for number in usable if not _LESS.search(facts.bands[number - 1].description)] or usable
    if any(number in named for number in usable):
        bands, more = _of_names(facts, named, usable, evidence)
    else:
        bands, more = _of_file(facts, usable, request, printable)
    return Choice(bands, mask, notes + more)


def polarisations_of(facts: Facts, evidence: Sequence[Evidence]) -> dict[int, str]:
    """Return the polarisation of each band that says one: by its name, else its tags, else the product's layout."""
    surest: dict[int, Evidence] = {}
    for one in evidence:
        if one.topic is not Topic.POLARISATION or one.band is None or one.band > len(facts.bands):
            continue
        best = surest.get(one.band)
        if best is None or _rank(one) > _rank(best):
            surest[one.band] = one
    return {number: str(one.value) for number, one in surest.items()}


def listing(facts: Facts, numbers: Sequence[int] | None = None) -> str:
    """List bands by number and name, as many as a message holds."""
    chosen = facts.bands if numbers is None else [facts.bands[number - 1] for number in numbers]
    words = [f"{band.number} {band.description}".strip() for band in chosen]
    more = f" and {len(words) - LISTED} more" if len(words) > LISTED else ""
    return ", ".join(words[:LISTED]) + more


def _rank(one: Evidence) -> int:
    # A band's own name and tags count more than the order that a product usually has.
    return 0 if one.weight is Weight.PRODUCT else int(one.weight)


def _mask(
    facts: Facts, named: dict[int, str], request: Request, printable: str, is_mask: Looks
) -> tuple[int | None, tuple[str, ...]]:
    if request.mask_band == NO_MASK:
        return None, ()
    if request.mask_band is not None:
        number = int(request.mask_band)
        if number > len(facts.bands):
            raise UsageError(f"{printable} has no band {number} to be the mask; it has {listing(facts)}.")
        return number, (f"Band {number} is the mask, as stated.",)
    labelled = next((band for band in facts.bands if band.alpha and band.number not in named), None)
    if labelled is not None:
        number = labelled.number
        real = labelled.dtype == "uint8" or is_mask(number)
        words = f"Band {number} is labelled as a mask but holds other values, so it is none."
        return (number, ()) if real else (None, (words,))
    return _unlabelled_mask(facts, named, is_mask)


def _unlabelled_mask(facts: Facts, named: dict[int, str], is_mask: Looks) -> tuple[int | None, tuple[str, ...]]:
    for band in facts.bands:
        if len(facts.bands) > 1 and band.number not in named and _MASK.fullmatch(band.description.strip()):
            return band.number, (f"Band {band.number} ({band.description}) is the mask.",)
    last = len(facts.bands)
    if (
        1 < last <= MOST_WITH_MASK
        and last not in named
        and not facts.descriptions[-1]
        and not facts.photograph
        and is_mask(last)
    ):
        return last, (f"Band {last} holds nothing but zero and one other number: taken for a mask.",)
    return None, ()


def _stated(
    facts: Facts, named: dict[int, str], request: Request, printable: str
) -> tuple[tuple[tuple[int, str], ...], tuple[str, ...]]:
    bands: list[tuple[int, str]] = []
    notes: list[str] = []
    for name, reference in request.bands:
        number = _number(facts, named, reference, printable)
        own = named.get(number) or (_in_name(facts)[0] if len(facts.bands) == len(_in_name(facts)) == 1 else None)
        bands.append((number, name or own or UNKNOWN))
        if name and own not in {None, name}:
            notes.append(f"Band {number} says {own}; it is taken for {name}, as stated.")
        else:
            notes.append(f"Band {number} is {name or 'used'}, as stated.")
    return tuple(bands), tuple(notes)


def _number(facts: Facts, named: dict[int, str], reference: str, printable: str) -> int:
    if reference.isdigit():
        if 0 < int(reference) <= len(facts.bands):
            return int(reference)
    else:
        folded = reference.casefold()
        matching = [band.number for band in facts.bands if band.description.casefold() == folded]
        in_name = _in_name(facts)
        names = named or (dict(enumerate(in_name, 1)) if len(in_name) == len(facts.bands) else {})
        matching = matching or [number for number, name in sorted(names.items()) if name.casefold() == folded]
        if matching:
            return matching[0]
    raise UsageError(f"{printable} has no band {reference!r}; it has {listing(facts)}.")


def _of_names(
    facts: Facts, named: dict[int, str], usable: Sequence[int], evidence: Sequence[Evidence]
) -> tuple[tuple[tuple[int, str], ...], tuple[str, ...]]:
    """Take bands whose names differ in their polarisation alone: of one unit, one date, one orbit."""
    groups: dict[str, dict[str, int]] = {}
    for number in (one for one in usable if one in named):
        key = without(named[number], facts.bands[number - 1].description)
        groups.setdefault(key, {}).setdefault(named[number], number)
    everything = [number for group in groups.values() for number in group.values()]
    distinct = len({named[number] for number in everything}) == len(everything)
    best = max(groups.values(), key=len)
    if distinct:
        best = {named[number]: number for number in sorted(everything) if _same_unit(number, min(everything), evidence)}
    bands = tuple(sorted((number, name) for name, number in best.items()))
    if len(facts.bands) == len(bands):
        return bands, ()
    used = listing(facts, [number for number, _ in bands])
    name = bands[0][1]
    return bands, (
        f"Of {len(facts.bands)} bands ({listing(facts)}) this is used: {used}. `--band {name}=N` picks another.",
    )


def _same_unit(one: int, other: int, evidence: Sequence[Evidence]) -> bool:
    units = [{e.value for e in evidence if e.topic is Topic.UNIT and e.band == number} for number in (one, other)]
    return units[0] == units[1] or not (units[0] and units[1])


def _of_file(
    facts: Facts, usable: Sequence[int], request: Request, printable: str
) -> tuple[tuple[tuple[int, str], ...], tuple[str, ...]]:
    """Name bands that do not say their polarisation by the file's name, or as the caller has it."""
    in_name = _in_name(facts)
    by_caller = request.polarisations or ()
    for names, who in ((in_name, "taken from the name of the file"), (by_caller, "as stated by the caller")):
        if len(names) == len(usable):
            words = f"Polarisation {' and '.join(names)}, {who}."
            return tuple(zip(usable, names, strict=True)), (words,)
    if len(usable) == 1:
        return ((usable[0], UNKNOWN),), ("The file does not say its polarisation.",)
    if len(in_name) == 1:
        words = (
            f"Polarisation {in_name[0]}, taken from the name of the file, whose first of {len(usable)} bands is used"
        )
        return ((usable[0], in_name[0]),), (f"{words}; `--band {in_name[0]}=N` picks another.",)
    if len(usable) <= MOST_UNNAMED:
        return tuple((number, UNKNOWN) for number in usable), ("The file does not say its polarisations.",)
    raise SceneContentError(
        f"{printable} has {len(usable)} bands and none says its polarisation ({listing(facts, usable)}). Say which "
        f"band is which: `--band VV={usable[0]} --band VH={usable[1]}`."
    )


def _in_name(facts: Facts) -> tuple[str, ...]:
    return named_in_file(facts.name)
