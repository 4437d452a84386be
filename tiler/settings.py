"""Every setting of the service, in one class; each can be given as an environment variable GEOSAR_<NAME>."""

from pathlib import Path, PurePath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from limits import parse
from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from geosar.errors import without_secrets
from geosar.models import list_models
from geosar.vocabulary import DEFAULT_MODEL
from geosar_tiler.gdal import MEBIBYTE, GdalSettings

Words = Annotated[tuple[str, ...], NoDecode]
"""Several words in one variable, with commas between them."""
Lines = Annotated[tuple[str, ...], NoDecode]
"""The same with semicolons between them."""


def _is_rate(value: str) -> str:
    if value:
        try:
            parse(value)
        except ValueError:
            raise ValueError(f"{value!r} is no rate; expected one such as 100/second or 12000/minute") from None
    return value


Rate = Annotated[str, AfterValidator(_is_rate)]
"""So many in a time, such as 100/second."""


class Settings(BaseSettings):
    """What the service needs to know; the defaults are a service for one person on one machine."""

    model_config = SettingsConfigDict(env_prefix="GEOSAR_", extra="ignore", frozen=True)

    store: Path = Field(Path("geosar-store"), description="Folder for scenes, results and the database.")
    database_url: str | None = Field(None, description="SQLAlchemy's URL; default: SQLite in the store.")
    model: str = Field(DEFAULT_MODEL, description="Model that translates where a request names none.")
    precision: Literal["int8", "float32"] | None = Field(None, description="Default: int8 on a CPU, else float32.")

    max_upload_bytes: int = Field(20 * 1024 * MEBIBYTE, gt=0, description="Larger uploads are refused.")
    max_megapixels: float = Field(10_000, gt=0, description="Scenes of more pixels are refused, however small.")
    quota_bytes: int | None = Field(None, gt=0, description="The store may grow to this; default: the disk.")
    upload_seconds: float = Field(24 * 3600, gt=0, description="An unfinished upload is kept so long after it stopped.")
    allowed_hrefs: Words = Field((), description="Folders, https:// and s3:// prefixes scenes may be fetched from.")
    href_private: bool = Field(False, description="Let those prefixes lead into a private network, and be http://.")
    href_seconds: float = Field(3600, gt=0, description="Fetching a scene may take this long.")
    inspection_seconds: float = Field(120, gt=0, description="Looking at an upload may take this long.")

    dem: Path | None = Field(None, description="Heights that correct Sentinel-1 products: a raster, folder or VRT.")
    dem_heights: str = Field("geoid", description="What they count from: geoid, ellipsoid, or metres to add.")

    job_workers: int = Field(1, ge=1, description="Translations at once, each in a process of its own.")
    job_threads: int | None = Field(None, ge=1, description="Threads of each translation; default: all cores.")
    queue_length: int = Field(100, ge=1, description="Jobs that may wait; more are answered 503.")
    job_retries: int = Field(2, ge=0, description="A job whose process died is begun again this often.")
    job_seconds: float = Field(24 * 3600, gt=0, description="A job, or a copy for tiles, may run this long.")
    job_memory_bytes: int = Field(8 * 1024 * MEBIBYTE, ge=MEBIBYTE, description="And have so much data in memory.")
    sync_megapixels: float = Field(4, ge=0, description="Larger scenes are always translated asynchronously.")
    sync_seconds: float = Field(60, gt=0, description="A synchronous request waits this long at most.")
    sync_jobs: int = Field(16, ge=1, description="Synchronous requests that wait at once, in each process.")

    live_cache_bytes: int = Field(256 * MEBIBYTE, ge=MEBIBYTE, description="Memory for blocks translated live.")
    live_disk_bytes: int = Field(1024 * MEBIBYTE, ge=0, description="Disk for blocks translated live; 0: none.")
    live_megapixels: float = Field(1.6, gt=0, description="The most of a scene that one live tile may translate.")
    live_queue: int = Field(32, ge=1, description="Live tiles that may wait; more are answered 503.")
    gdal: GdalSettings = Field(default_factory=GdalSettings, description="How GDAL is set up.")

    read_rate: Rate = Field("12000/minute", description="Requests that read, of one client; empty: no limit.")
    write_rate: Rate = Field("1200/minute", description="Requests that change something; empty: no limit.")
    rate_storage: str = Field("memory://", description="Where they are counted; redis://HOST counts for all processes.")
    body_seconds: float = Field(60, gt=0, description="A body whose next bytes do not come within this is given up.")
    request_seconds: float = Field(180, gt=0, description="An answer that has not begun within this is given up.")
    connections: int = Field(1000, ge=1, description="Connections at once; more are answered 503.")

    log_format: Literal["text", "json"] | None = Field(None, description="Default: text in a terminal, else json.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")

    hosts: Words = Field(
        (), description="Names of the service, where it needs no key; * for all. Loopback's are known."
    )
    cors_origins: Words = Field((), description="Origins whose pages may call the service; * for all.")
    root_path: str = Field("", description="Path under which a proxy shows the service, such as /geosar.")
    trust_forwarded: bool = Field(False, description="Believe X-Forwarded-Proto, -Host and -Prefix of a proxy.")

    basemap: str | None = Field(None, description="Base map of the page: an xyzservices name, or an XYZ URL.")
    basemap_attribution: str | None = Field(None, description="Credit of the base map; default: what xyzservices has.")
    basemaps: Lines = Field((), description="More to choose from: NAME or NAME|URL|CREDIT, with ; between them.")
    geocoder: str | None = Field(None, description="Finds places by name: a URL with {query}, as of Nominatim.")

    api_keys: Words = Field((), description="scope:sha256 of each key; scopes are read, write and admin.")
    secret: SecretStr | None = Field(None, description="Signs tile URLs; default: a random one kept in the store.")
    signature_seconds: int = Field(12 * 3600, gt=0, description="A signed tile URL lasts this long.")

    @field_validator("hosts", "cors_origins", "api_keys", "allowed_hrefs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("basemaps", mode="before")
    @classmethod
    def _split_lines(cls, value: object) -> object:
        return tuple(line.strip() for line in value.split(";") if line.strip()) if isinstance(value, str) else value

    @field_validator("geocoder")
    @classmethod
    def _has_a_query(cls, value: str | None) -> str | None:
        if value and (not value.startswith(("https://", "http://")) or "{query}" not in value):
            raise ValueError(
                f"{value!r} is no geocoder; expected https://HOST/search?format=jsonv2&limit=5&q={{query}}"
            )
        return value or None

    @field_validator("hosts")
    @classmethod
    def _is_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if set(name) & set("/:@ ") or ("*" in name and name != "*"):
                raise ValueError(f"{name!r} is no name of a host; expected one such as sar.example.org, without port")
        return value

    @field_validator("api_keys")
    @classmethod
    def _is_hashed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            scope, _, digest = entry.partition(":")
            if scope not in {"read", "write", "admin"} or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ValueError("an API key is given as scope:sha256, as `geosar serve --new-key write` prints it")
        return value

    @model_validator(mode="after")
    def _has_a_plain_root_path(self) -> Self:
        if self.root_path and (not self.root_path.startswith("/") or self.root_path.endswith("/")):
            raise ValueError(f"root_path is {self.root_path!r}; expected a path such as /geosar")
        return self

    @property
    def database(self) -> str:
        """URL of the database."""
        return self.database_url or f"sqlite:///{self.store.absolute() / 'catalogue.sqlite'}"

    @property
    def model_name(self) -> str:
        """What clients call the model: its built-in name, or the last part of its path or URL."""
        path = urlsplit(self.model).path if "://" in self.model else self.model
        return PurePath(path).name.removesuffix(".zip") or "model"

    def models(self) -> dict[str, str]:
        """Return the names that a request may use, the default first, and what `load_model` opens for each."""
        return {self.model_name: self.model} | {name: name for name in list_models() if name != self.model_name}

    def without_model_path(self, text: str) -> str:
        """Name the models by their names alone in a text for clients: where they lie is nobody's business."""
        if self.dem is not None:
            text = text.replace(str(self.dem.absolute()), self.dem.name).replace(f"{self.dem.absolute().parent}/", "")
        model = Path(self.model)
        for path in (without_secrets(self.model), str(model.absolute()), str(model)):
            text = text.replace(path, self.model_name)
        return text
