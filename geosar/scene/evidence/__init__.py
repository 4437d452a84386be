"""What says what about a raster (evidence), and what follows from it (verdicts): values in, values out."""

from geosar.scene.evidence.claims import Evidence, Topic, Weight, gather
from geosar.scene.evidence.facts import BandFacts, Facts, read_facts

__all__ = ["BandFacts", "Evidence", "Facts", "Topic", "Weight", "gather", "read_facts"]
