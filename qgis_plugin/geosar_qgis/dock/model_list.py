"""The models of the service, asked for again and again: somebody may send one, or take one away."""

from __future__ import annotations

from typing import Callable

from ..client.messages import ClientError
from ..client.service import Service
from ..connections import Connection
from .clocks import single_shot
from .scenes import ScenesTab

LOOK_MILLISECONDS = 15000


class ModelList:
    """Keeps the choice of models up to date while the panel is seen; whether the service answers, others say."""

    def __init__(self, tab: ScenesTab, talk: Callable[..., None], connection: Callable[[], Connection | None]) -> None:
        """`connection` gives that of the panel, None while it is not seen."""
        self._tab, self._talk, self._connection = tab, talk, connection
        self._clock = single_shot(tab, self._ask)
        self._clock.start(LOOK_MILLISECONDS)

    def stop(self) -> None:
        """Ask no more."""
        self._clock.stop()

    def show(self, models: tuple[str, ...]) -> None:
        """Offer these; the next look is a while later."""
        self._tab.models = models
        self._clock.start(LOOK_MILLISECONDS)

    def _ask(self) -> None:
        connection = self._connection()
        if connection is None:
            self._clock.start(LOOK_MILLISECONDS)
        else:
            self._talk(Service(connection.url).models(), self.show, self._failed)

    def _failed(self, _error: ClientError) -> None:
        self._clock.start(LOOK_MILLISECONDS)
