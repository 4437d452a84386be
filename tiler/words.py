"""geosar's vocabularies as requests have them: strings, of which pydantic takes those that there are."""

from typing import TYPE_CHECKING, Literal

from geosar.vocabulary import Compression, Unit

if TYPE_CHECKING:
    CompressionName = str
    UnitName = str
else:  # mypy takes no Literal that is worked out
    CompressionName = Literal[tuple(each.value for each in Compression)]
    UnitName = Literal[tuple(each.value for each in Unit)]
