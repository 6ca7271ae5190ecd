"""All settings, from the environment (`INFRA_MIND_...`); the only place that reads it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class IntakeLimits(BaseSettings):
    """What may be handed in. Sizes in bytes, after decompression."""

    model_config = SettingsConfigDict(env_prefix="INFRA_MIND_INTAKE_", frozen=True)

    max_body: int = 64 * 1024 * 1024
    max_file: int = 2 * 1024 * 1024
    max_total: int = 40 * 1024 * 1024
    max_files: int = 10_000
    max_depth: int = 60
    max_zip_ratio: float = 100.0
    max_yaml_nodes: int = 200_000
    max_yaml_aliases: int = 1_000
    max_resources: int = 50_000
    max_path: int = 512


class Settings(BaseSettings):
    """`INFRA_MIND_HOME` holds what `infra-mind up` writes: store, keys, address (readable by its owner only)."""

    model_config = SettingsConfigDict(env_prefix="INFRA_MIND_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: Path.home() / ".infra-mind")
    url: str | None = None
    api_key: SecretStr | None = None
    store_url_file: Path | None = None  # holds the URL of the store alone; for a secret that is mounted
    store_url: SecretStr | None = Field(default=None, validate_default=True)
    host: str = "127.0.0.1"
    port: int = Field(default=8700, ge=0, le=65535)
    durability: Literal["everysec", "strict"] = "everysec"
    objects_url: str | None = None  # file://, s3://, gs://, az://; `up` keeps them below `home` without one
    objects_above: int = Field(default=4 * 1024 * 1024, ge=0)  # bytes of a result
    compress_above: int = Field(default=256 * 1024, ge=0)  # bytes of a value in the store
    lease_s: float = Field(default=15.0, gt=0.2)
    result_ttl_s: float = Field(default=86_400.0, gt=0)
    cancel_grace_s: float = Field(default=1.5, ge=0)
    soft_limit_s: float = Field(default=600.0, gt=0)
    hard_limit_s: float = Field(default=900.0, gt=0)
    agent_soft_limit_s: float | None = Field(default=None, gt=0)
    agent_hard_limit_s: float | None = Field(default=None, gt=0)
    agent_attempts: int = Field(default=3, ge=1, le=20)
    retry_base_s: float = Field(default=1.0, ge=0)
    retry_cap_s: float = Field(default=60.0, ge=0)
    min_agents: int = Field(default=1, ge=1)
    dispatchers: int = Field(default=2, ge=1)
    api_replicas: int = Field(default=2, ge=1)
    surplus: int = Field(default=4, ge=1)
    recycle_after: int = Field(default=2_000, ge=1)
    step_memory_mb: int = Field(default=2_048, ge=0)  # MiB of one step's process; 0 is no ceiling
    checkov: Literal["auto", "off"] = (
        "auto"  # auto: where a `checkov` is on the PATH, the security step runs it
    )
    checkov_limit_s: float = Field(default=120.0, gt=0)
    webhook_allow_private: str = ""
    alert_after: int = Field(default=5, ge=1)  # failures of worker processes of one kind
    alert_window_s: float = Field(default=300.0, gt=0)
    alert_webhook_url: SecretStr | None = None  # the paths of such URLs are often secrets
    alert_webhook_secret: SecretStr | None = None  # whsec_...; signs the alerts
    ray_address: str | None = Field(default=None, validation_alias="RAY_ADDRESS")

    @field_validator("store_url", mode="before")
    @classmethod
    def _from_file(cls, given: object, info: ValidationInfo) -> object:
        """What is given, else what stands in the file."""
        file = info.data.get("store_url_file")
        if given or file is None:
            return given
        try:
            text: str = file.expanduser().read_text(encoding="utf-8").strip()
        except (OSError, RuntimeError, UnicodeDecodeError) as error:
            raise ValueError(f"{file} cannot be read: {getattr(error, 'strerror', '') or error}") from None
        if not text:
            raise ValueError(f"{file} is empty: write the store's URL into it")
        return text

    @model_validator(mode="after")
    def _soft_before_hard(self) -> Settings:
        if self.soft_limit_s >= self.hard_limit_s:
            raise ValueError("soft_limit_s must be below hard_limit_s")
        if (
            self.agent_soft_limit_s
            and self.agent_hard_limit_s
            and self.agent_soft_limit_s >= self.agent_hard_limit_s
        ):
            raise ValueError("agent_soft_limit_s must be below agent_hard_limit_s")
        return self

    @field_validator("webhook_allow_private")
    @classmethod
    def _networks(cls, text: str) -> str:
        for one in filter(None, map(str.strip, text.split(","))):
            ipaddress.ip_network(one)  # its error names the network and what is wrong with it
        return text
