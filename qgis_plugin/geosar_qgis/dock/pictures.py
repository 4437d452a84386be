"""Small pictures of the scenes that are listed, asked for a few at a time."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from .. import log
from ..client.answers import Scene
from ..client.messages import ClientError
from ..client.service import Service
from ..words import tr
from .scenes import PICTURE, ScenesTab

AT_ONCE = 4


class Pictures:
    """Asks for each picture once."""

    def __init__(self, tab: ScenesTab, talk: Callable[..., None]) -> None:
        self._tab, self._talk = tab, talk
        self.clear()

    def clear(self) -> None:
        """Forget what was asked for: another service has other scenes."""
        self._asked: set[tuple[str, str]] = set()
        self._under_way = 0

    def ask(self, service: Service) -> None:
        """Ask for what is missing."""
        for scene in self._tab.without_picture():
            layer = "optical" if "optical" in scene.layers else "sar"
            is_early = layer == "sar" and scene.state != "ready"
            if is_early or (scene.id, layer) in self._asked or self._under_way >= AT_ONCE:
                continue
            self._asked.add((scene.id, layer))
            self._under_way += 1
            flow = service.picture(scene.id, layer, 2 * PICTURE)
            self._talk(flow, partial(self._came, service, scene), partial(self._failed, scene))

    def _came(self, service: Service, scene: Scene, data: Any) -> None:
        self._under_way -= 1
        self._tab.set_picture(scene, data)
        self.ask(service)

    def _failed(self, scene: Scene, error: ClientError) -> None:
        self._under_way -= 1
        log.note(tr("{0} has no small picture: {1}").format(scene.name, error))
