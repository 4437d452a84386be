"""Connections: a name, a URL, and what opens it in QGIS's authentication database."""

from __future__ import annotations

from dataclasses import dataclass, field

from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from .client.messages import ClientError
from .client.urls import UrlError, service_url, within
from .words import tr

ROOT = "geosar/connections"
CURRENT = "geosar/current"
KEY_METHOD, KEY_USER = "Basic", "api-key"
"""How an API key is kept: as the password of HTTP Basic, which every QGIS can send. The service takes any user name."""


@dataclass(frozen=True)
class Connection:
    """
    A service. `authcfg` names a configuration of the authentication database, "" for a service that is open.

    `key` is one that is being tried and was not saved yet; it takes the place of `authcfg`.
    """

    name: str
    url: str
    authcfg: str = ""
    key: str = field(default="", repr=False)


def saved() -> list[Connection]:
    """Return the connections that are saved, by name."""
    settings = QgsSettings()
    settings.beginGroup(ROOT)
    names = sorted(settings.childGroups(), key=str.lower)
    connections = [
        Connection(name, str(settings.value(f"{name}/address", "")), str(settings.value(f"{name}/authcfg", "") or ""))
        for name in names
    ]
    settings.endGroup()
    return [one for one in connections if one.url]


def save(connection: Connection, replaces: str = "") -> None:
    """Save a connection, in place of the one of another name where that is given; raises ClientError."""
    name = checked_name(connection.name)
    if replaces and replaces != name:
        remove(replaces)
    settings = QgsSettings()
    settings.setValue(f"{ROOT}/{name}/address", service_url(connection.url))
    settings.setValue(f"{ROOT}/{name}/authcfg", connection.authcfg)
    make_current(name)


def checked_name(name: str) -> str:
    """Return a name as it is saved; raises ClientError when it cannot name a connection."""
    stripped = name.strip()
    if not stripped or "/" in stripped or "\\" in stripped:
        raise ClientError(tr("'{0}' cannot name a connection; expected letters, and no slashes.").format(name))
    return stripped


def remove(name: str) -> None:
    """Forget a connection. Its authentication configuration stays: others may use it."""
    QgsSettings().remove(f"{ROOT}/{name}")


def make_current(name: str) -> None:
    """Remember which connection was used last."""
    QgsSettings().setValue(CURRENT, name)


def current() -> Connection | None:
    """Return the connection that was used last, or the first; None when none is saved."""
    known = saved()
    name = str(QgsSettings().value(CURRENT, ""))
    return next((one for one in known if one.name == name), known[0] if known else None)


def find(text: str, authcfg: str = "") -> Connection:
    """Find a connection by name, or take a URL as one; raises ClientError, which says what there is."""
    text = text.strip()
    known = saved()
    chosen = current() if not text else next((one for one in known if one.name == text), None)
    if chosen is None and text:
        try:
            url = service_url(text)
        except UrlError as error:
            names = ", ".join(one.name for one in known) or tr("none yet")
            words = tr("'{0}' is neither a connection ({1}) nor the URL of a service.")
            raise ClientError(words.format(text, names)) from error
        if "://" in text or ":" in text or "." in text:
            chosen = Connection(url, url)
    if chosen is None:
        names = ", ".join(one.name for one in known) or tr("none yet: make one in the panel SAR to optical")
        words = tr("There is no connection '{0}'. Connections: {1}. A URL does as well.")
        raise ClientError(words.format(text, names))
    return Connection(chosen.name, chosen.url, authcfg) if authcfg else chosen


def owner_of(url: str) -> Connection | None:
    """Return the connection to whose service a URL belongs, the closest where there are several."""
    fitting = [one for one in saved() if within(one.url, url)]
    return max(fitting, key=lambda one: len(one.url), default=None)


def keep_key(name: str, key: str, before: str = "") -> str:
    """
    Put an API key into the authentication database; gives the configuration's id. Raises ClientError.

    It takes the place of the key that the configuration `before` holds, where that was made here.
    """
    manager = QgsApplication.authManager()
    if not unlock("any"):
        raise ClientError(
            tr("The authentication database stays locked without its master password; nothing was saved.")
        )
    config = QgsAuthMethodConfig(KEY_METHOD)
    config.setName(f"geosar: {name}")
    config.setConfigMap({"username": KEY_USER, "password": key})
    known = manager.availableAuthMethodConfigs().get(before)
    if known is not None and known.method() == KEY_METHOD and known.name().startswith("geosar: "):
        config.setId(before)
        stored = manager.updateAuthenticationConfig(config)
    else:
        answer = manager.storeAuthenticationConfig(config)
        stored = answer[0] if isinstance(answer, tuple) else answer
    if not stored or not config.id():
        raise ClientError(tr("The authentication database did not take the key; see its log in the log panel."))
    return str(config.id())


def unlock(authcfg: str) -> bool:
    """Ask for the master password where it is needed and was not given yet; on the main thread only."""
    return not authcfg or bool(QgsApplication.authManager().setMasterPassword(True))
