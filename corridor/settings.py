"""The settings of a process: flags over environment (CORRIDOR_*) over a TOML file over defaults.

None is unset and 0 is zero. Unknown keys are refused, in the file as in the environment, since a typing
error in a setting is an outage later. Secrets never show.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX: Final = "CORRIDOR_"
CONFIG_VARIABLE: Final = "CORRIDOR_CONFIG"
_FOR_TESTS: Final = ("CORRIDOR_TEST_", "CORRIDOR_SERVERS")  # where the tests find their servers


class SettingsError(Exception):
    """Settings that can't be used; the message names key, got and want."""


class Settings(BaseSettings):
    """All settings of the embedded system; each key's meaning is its description."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=_PREFIX)

    data_dir: Path = Field(Path("corridor-data"), description="folder of all data")
    http_host: str = Field("127.0.0.1", description="address of API and page")
    http_port: int = Field(8080, ge=0, le=65535, description="port of API and page; 0: any free one")
    mqtt_host: str = Field("127.0.0.1", description="address of the embedded broker: loopback only")
    mqtt_port: int = Field(1883, ge=0, le=65535, description="port of the embedded broker; 0: any free one")
    mqtt_url: str | None = Field(
        None, repr=False, description="a broker of your own: mqtt://host:port or mqtts://host:port"
    )
    mqtt_username: str | None = Field(None, description="user name at that broker")
    mqtt_password: SecretStr | None = Field(None, description="password at that broker")
    mqtt_ca_file: Path | None = Field(None, description="certificate authorities of that broker (PEM)")
    mqtt_cert_file: Path | None = Field(None, description="this gateway's certificate (PEM)")
    mqtt_key_file: Path | None = Field(None, description="the certificate's key (PEM)")
    admin_key: SecretStr | None = Field(None, min_length=16, description="presets the admin key")
    tenant: str = Field("main", pattern=r"^[a-z][a-z0-9-]{0,31}$", description="the tenant of the admin key")
    log_retention_days: float = Field(30, gt=0, description="how long frames stay in the log")
    store_retention_days: float | None = Field(
        None, gt=0, description="how long samples stay; unset: for ever"
    )
    store_memory_mb: int = Field(128, ge=64, description="memory limit of the store")
    min_free_mb: int = Field(256, ge=1, description="free disk below which nothing is acknowledged any more")
    snapshot_s: float = Field(10, gt=0, description="seconds between snapshots of the engine")
    device_rate: float = Field(50, gt=0, description="reports a second that one device may send for long")
    webhooks_file: Path | None = Field(None, description="who is sent which events (TOML)")
    authorities_file: Path | None = Field(
        None, description="which authorities there are and how to reach them"
    )
    ledger: bool = Field(False, description="whether every record goes into a signed ledger")
    ledger_dir: Path | None = Field(
        None, description="folder of the ledger in the distributed system; unset: shared_dir"
    )
    ledger_keys_dir: Path | None = Field(
        None, description="folder of the keys that sign the ledger; unset: keys of data_dir"
    )
    ledger_content_days: float | None = Field(
        None, gt=0, description="how long the ledger keeps contents (entries stay); unset: for ever"
    )
    witnesses_file: Path | None = Field(
        None, description="who is asked to cosign the ledger (policy file of tlog-policy)"
    )
    ack_key_file: Path | None = Field(
        None, description="key that signs acks for devices that have keys; unset: keys/ack.pem of data_dir"
    )
    gateway_group: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="gateways of one group share the reports of a broker (MQTT 5)",
    )
    kafka_servers: str | None = Field(None, description="Kafka: host:port,host:port; unset: the embedded log")
    kafka_prefix: str = Field(
        "corridor.", pattern=r"^[A-Za-z0-9._-]{0,64}$", description="what the topics' names begin with"
    )
    kafka_ca_file: Path | None = Field(None, description="certificate authorities of Kafka (PEM)")
    kafka_cert_file: Path | None = Field(None, description="certificate for Kafka (PEM)")
    kafka_key_file: Path | None = Field(None, description="the certificate's key (PEM)")
    kafka_username: str | None = Field(None, description="user name at Kafka (SCRAM-SHA-512)")
    kafka_password: SecretStr | None = Field(None, description="password at Kafka")
    partitions: int = Field(1, ge=1, le=1024, description="partitions of the log; fixed once it is made")
    replication: int = Field(1, ge=1, le=5, description="copies that Kafka keeps of each partition")
    shared_dir: Path | None = Field(None, description="folder that every worker reaches: snapshots, the past")
    influx_url: str | None = Field(
        None, description="InfluxDB 2: http://host:port; unset: the embedded store"
    )
    influx_org: str = Field("corridor", min_length=1, description="organisation in InfluxDB")
    influx_bucket: str = Field("corridor", min_length=1, description="bucket of the samples")
    influx_token: SecretStr | None = Field(None, description="token for InfluxDB")
    health_host: str = Field("127.0.0.1", description="address of a role's health and metrics")
    health_port: int = Field(
        0, ge=0, le=65535, description="port of a role's health and metrics; 0: any free one"
    )
    log_level: Literal["info", "warning"] = Field("info", description="what the parts log; the demo: warning")


SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)
"""The settings that never show; each may be given as a file: CORRIDOR_ADMIN_KEY_FILE names one."""


def without_password(url: str) -> str:
    """``url`` with the password that it may carry masked."""
    return re.sub(r"(//[^/@]*?:)[^/]*@", r"\1**********@", url)


def load(flags: dict[str, Any], config: Path | None = None) -> Settings:
    """Settings from ``flags`` (None is left out), environment and TOML file. Raises SettingsError."""
    path = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    values: dict[str, Any] = _from_file(path) if path else {}
    values |= _from_environment()
    values |= {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError("; ".join(_explained(e) for e in error.errors())) from None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"settings file not readable: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file is not TOML: {path}: {error}") from None
    unknown = sorted(set(values) - set(Settings.model_fields))
    if unknown:
        want = ", ".join(sorted(Settings.model_fields))
        raise SettingsError(f"{path}: unknown setting: got {', '.join(unknown)}, want one of {want}")
    return values


def _from_environment() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in os.environ.items():
        if not name.startswith(_PREFIX) or name == CONFIG_VARIABLE or name.startswith(_FOR_TESTS):
            continue
        key = name.removeprefix(_PREFIX).lower()
        secret = key.removesuffix("_file")
        if key not in Settings.model_fields and secret in SECRETS:
            values[secret] = _secret_in(name, Path(value))
            continue
        if key not in Settings.model_fields:
            want = ", ".join(_PREFIX + field.upper() for field in Settings.model_fields)
            raise SettingsError(f"unknown environment variable: got {name}, want one of {want}")
        values[key] = value
    return values


def _secret_in(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise SettingsError(f"{name}: file of a secret not readable: {path}: {reason}") from None


def _explained(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    got = "something else" if key in SECRETS else repr(error["input"])
    return f"setting {key}: got {got}, want: {error['msg'].lower()}"
