"""Every error is a GeosarError and also the builtin that a caller would expect."""

from typing import Any

import pytest

from geosar import errors

BUILTINS = {
    errors.SceneNotFoundError: FileNotFoundError,
    errors.SceneReadError: OSError,
    errors.SceneContentError: ValueError,
    errors.UnlikeSarError: ValueError,
    errors.BlockSizeError: ValueError,
    errors.SceneChangedError: OSError,
    errors.UnitError: ValueError,
    errors.PolarisationError: ValueError,
    errors.GridMismatchError: ValueError,
    errors.BoundsError: ValueError,
    errors.ModelNotFoundError: LookupError,
    errors.ModelFormatError: ValueError,
    errors.ModelChecksumError: ValueError,
    errors.EngineError: RuntimeError,
    errors.TargetError: OSError,
    errors.TargetExistsError: FileExistsError,
    errors.ResumeError: ValueError,
    errors.TranslationCancelled: Exception,
    errors.UsageError: ValueError,
}


@pytest.mark.parametrize(("error", "builtin"), BUILTINS.items())
def test_an_error_can_be_caught_as_geosars_and_as_the_builtin_that_it_refines(error: Any, builtin: Any) -> None:
    for caught in (errors.GeosarError, builtin):
        with pytest.raises(caught, match="what was found"):
            raise error("what was found")


def test_the_table_above_is_complete() -> None:
    defined = {
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.GeosarError)
    }
    assert defined == {*BUILTINS, errors.GeosarError}


def test_an_existing_target_is_also_a_target_error() -> None:
    assert issubclass(errors.TargetExistsError, errors.TargetError)


def test_messages_come_out_as_they_went_in() -> None:
    assert str(errors.SceneNotFoundError("a.tif does not exist.")) == "a.tif does not exist."
    assert str(errors.TargetExistsError("b.tif exists.")) == "b.tif exists."
