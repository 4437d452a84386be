"""Errors of the laboratory. The messages are for its users: what was found, what was expected, and what to do."""


class TrainingError(Exception):
    """Something that the user can mend; a fault of our own is any other exception."""


class ConfigError(TrainingError):
    """A settings file that cannot be used; the message names the key."""


class PairsError(TrainingError):
    """A manifest or a pair cannot be used; the message says which and why."""


class PrepareError(TrainingError):
    """Rasters from which no pairs can be made; the message names them."""


class CheckpointError(TrainingError):
    """A file is no checkpoint of this trainer, or of another network or stage; the message says which."""


class CheckpointWriteError(TrainingError):
    """A checkpoint could not be written; the one before it is still there."""


class WeightsError(TrainingError):
    """A file of weights is not what the measure needs; the message says what was found."""


class ExportError(TrainingError):
    """The model's folder cannot be used; the message says why."""


class PackageError(TrainingError):
    """A packaged model cannot be called as asked; the message says why."""


class NotFiniteError(TrainingError, FloatingPointError):
    """A loss or a gradient is not a number; training stopped before it reached the weights."""
