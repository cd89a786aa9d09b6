"""Every environment variable the services read: typed, documented, read once at start.

A group is a frozen struct; its field names in capitals are the variables. `Group.read()` converts
them and stops the process with the variable's name when one is missing or wrong. A variable may
also be given as a file: `ADMIN_API_KEY_FILE=/run/secrets/admin_api_key` (how Swarm hands over
secrets). `env.example` and `.env.production.example` document the same set; a test holds that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
PositiveInt = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
PositiveSeconds = Annotated[float, Meta(gt=0)]


class SettingError(SystemExit):
    """A variable is missing or wrong. Ends the process with one line that names it."""

    def __init__(self, variable: str, problem: str) -> None:
        self.variable = variable
        super().__init__(f"kiosk: {variable}: {problem}")


class Group(msgspec.Struct, frozen=True, kw_only=True, rename=str.upper):
    """A set of environment variables that belong together."""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Reads the group. An empty value counts as unset. Raises SettingError."""
        source = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for field in msgspec.structs.fields(cls):
            variable = field.encode_name
            value = _value_of(variable, source)
            if value is None:
                if field.required:
                    raise SettingError(variable, "is not set (see env.example)")
                continue
            try:
                values[variable] = msgspec.convert(value, field.type, strict=False)
            except msgspec.ValidationError as error:
                raise SettingError(variable, str(error)) from None
        return msgspec.convert(values, cls)

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        return tuple(field.encode_name for field in msgspec.structs.fields(cls))


def _value_of(variable: str, source: Mapping[str, str]) -> str | None:
    if value := source.get(variable):
        return value
    if path := source.get(variable + "_FILE"):
        try:
            return Path(path).read_text().strip() or None
        except OSError as error:
            raise SettingError(variable + "_FILE", f"{path}: {error.strerror}") from None
    return None


class ProcessSettings(Group, frozen=True):
    """What every process needs to know about itself and the doors around it."""

    environment: Literal["development", "test", "staging", "production"] = "development"
    release: str = "dev"
    public_url: str = "http://127.0.0.1:8080"
    internal_url: str = "http://127.0.0.1:8081"
    app_host: str = "127.0.0.1"
    app_port: Port = 0
    ops_host: str = "127.0.0.1"
    ops_port: Port = 0
    lame_duck_seconds: Seconds = 0.0
    drain_seconds: PositiveSeconds = 20.0
    keep_alive_seconds: PositiveInt = 75
    body_max_bytes: PositiveInt = 1_000_000
    head_max_bytes: PositiveInt = 32_768
    head_timeout_seconds: PositiveSeconds = 10.0
    body_idle_timeout_seconds: PositiveSeconds = 5.0
    body_timeout_seconds: PositiveSeconds = 30.0
    admin_api_key: str | None = None
    trusted_proxies: str = ""
    trusted_proxy_hops: PositiveInt = 1
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "pretty"] = "json"
    sentry_dsn: str | None = None
    concurrency_max: PositiveInt = 64
    concurrency_reserved_share: Annotated[float, Meta(ge=0, lt=1)] = 0.25
    concurrency_waiting_max: Annotated[int, Meta(ge=0)] = 64
    concurrency_wait_seconds: Seconds = 0.25
    request_deadline_seconds: PositiveSeconds = 10.0
    internal_timeout_seconds: PositiveSeconds = 2.0
    internal_calls_max: PositiveInt = 32
    internal_wait_seconds: Seconds = 0.25
    internal_retry_share: Annotated[float, Meta(ge=0, le=1)] = 0.1
    internal_breaker_failures: PositiveInt = 5
    internal_breaker_open_seconds: PositiveSeconds = 1.0
    internal_breaker_open_max_seconds: PositiveSeconds = 10.0


class StoreSettings(Group, frozen=True):
    """What the shop itself is: its name, its currency, when stock counts as low."""

    store_name: str = "Kiosk"
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}(?!\n)$")] = "EUR"
    low_stock_level: Annotated[int, Meta(ge=0)] = 5


class DatabaseSettings(Group, frozen=True):
    """PostgreSQL: one server, one role per service."""

    database_url: str | None = None
    catalog_database_url: str | None = None
    checkout_database_url: str | None = None
    jobs_database_url: str | None = None
    health_database_url: str | None = None
    database_pool_max: PositiveInt = 8
    database_worker_pool_max: PositiveInt = 4
    database_acquire_timeout_seconds: PositiveSeconds = 0.8
    database_connect_timeout_seconds: PositiveSeconds = 0.8
    database_statement_timeout_seconds: PositiveSeconds = 2.0
    database_lock_timeout_seconds: PositiveSeconds = 0.75
    database_pulse_after_seconds: PositiveSeconds = 0.25
    database_pulse_seconds: PositiveSeconds = 0.6


class RedisSettings(Group, frozen=True):
    """Redis (or Valkey): a dependency that may die. The values are reasoned in env.example."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    redis_queue_url: str | None = None
    redis_connect_timeout_seconds: PositiveSeconds = 0.1
    redis_timeout_seconds: PositiveSeconds = 0.1
    redis_request_budget_seconds: PositiveSeconds = 0.12
    redis_pool_max: PositiveInt = 32
    redis_pool_wait_seconds: PositiveSeconds = 0.02
    redis_breaker_failures: PositiveInt = 5
    redis_breaker_window_seconds: PositiveSeconds = 10.0
    redis_breaker_open_seconds: PositiveSeconds = 2.0
    redis_breaker_open_max_seconds: PositiveSeconds = 10.0
    redis_worker_timeout_seconds: PositiveSeconds = 5.0


class CacheSettings(Group, frozen=True):
    """The response cache: bytes in the process, over Redis."""

    cache_memory_entries: Annotated[int, Meta(ge=0)] = 2000
    cache_memory_seconds: Seconds = 1.0
    cache_list_seconds: Seconds = 5.0
    cache_product_seconds: Seconds = 60.0
    cache_stale_seconds: Seconds = 3600.0
    cache_patience_seconds: PositiveSeconds = 0.25
    cache_loads_max: PositiveInt = 16


class WorkerSettings(Group, frozen=True):
    """The job workers."""

    worker_threads: PositiveInt = 16
    worker_stop_seconds: PositiveSeconds = 30.0
    job_lease_seconds: PositiveSeconds = 60.0
    job_heartbeat_seconds: PositiveSeconds = 5.0
    job_poll_seconds: PositiveSeconds = 1.0
    job_crashes_max: PositiveInt = 3
    job_keep_done_hours: PositiveInt = 168
    job_keep_failed_days: PositiveInt = 30
    worker_memory_max_mb: Annotated[int, Meta(ge=0)] = 512
    view_flush_seconds: PositiveSeconds = 1.0


class StaffSettings(Group, frozen=True):
    """Who may use the jobs dashboard."""

    staff_admin_password: Annotated[str, Meta(min_length=12)] | None = None


class LimitSettings(Group, frozen=True):
    """How much one caller may ask for; services/limits/rules.py is the table."""

    rate_limit_enabled: Literal["yes", "no"] = "yes"
    rate_limit_replicas: PositiveInt = 1
    rate_limit_safelist: str = ""
    rate_limit_blocklist: str = ""
    rate_limit_probe_key: str | None = None
    rate_limit_suggest_per_minute: PositiveInt = 300
    rate_limit_sitemaps_per_minute: PositiveInt = 60
    rate_limit_reads_per_minute: PositiveInt = 1200
    rate_limit_writes_per_minute: PositiveInt = 1200
    rate_limit_orders_per_minute: PositiveInt = 120
    rate_limit_cart_orders_per_minute: PositiveInt = 10
    rate_limit_email_orders_per_hour: PositiveInt = 30
    rate_limit_webhooks_per_minute: PositiveInt = 6000
    rate_limit_codes_per_cart: PositiveInt = 10
    rate_limit_codes_per_address: PositiveInt = 30
    rate_limit_declines_per_order: PositiveInt = 6
    rate_limit_declines_per_card: PositiveInt = 6
    rate_limit_declines_per_email: PositiveInt = 10
    rate_limit_declines_per_product: PositiveInt = 100
    rate_limit_edge_per_second: PositiveInt = 200
    rate_limit_edge_burst: PositiveInt = 400
    rate_limit_edge_at_once: PositiveInt = 200


class CheckoutSettings(Group, frozen=True):
    """How long the shop keeps its word: quoted prices, carts, reserved stock."""

    quote_ttl_minutes: PositiveInt = 30
    quote_timeout_seconds: PositiveSeconds = 1.0
    cart_ttl_days: PositiveInt = 30
    reservation_ttl_minutes: PositiveInt = 30


class PaymentSettings(Group, frozen=True):
    """The payment gateway: Stripe, or the sandbox that speaks its language."""

    payment_api_url: str
    payment_public_api_url: str
    payment_secret_key: str
    payment_publishable_key: str
    payment_webhook_secrets: str
    payment_provider: Literal["sandbox", "stripe"] = "sandbox"
    payment_timeout_seconds: PositiveSeconds = 3.0
    payment_calls_max: PositiveInt = 32


class MailSettings(Group, frozen=True):
    """Mail over SMTP: Amazon SES in production, the mailbox in development."""

    ses_host: str
    ses_sender: str
    ses_port: Port = 587
    ses_security: Literal["none", "starttls", "tls"] = "starttls"
    ses_username: str | None = None
    ses_password: str | None = None
    ses_timeout_seconds: PositiveSeconds = 10.0


class QueueSettings(Group, frozen=True):
    """From when on the work that waits, and too few who do it, are told as trouble."""

    job_oldest_seconds_max: PositiveSeconds = 300.0
    workers_expected: Annotated[str, Meta(pattern=r"^durable=[0-9]+,fast=[0-9]+(?!\n)$")] = "durable=1,fast=1"


class HealthSettings(Group, frozen=True):
    """The aggregator: which doors it knocks at, how often, and what is too little."""

    catalog_ready_url: str
    checkout_ready_url: str
    jobs_ready_url: str
    storefront_ready_url: str
    health_interval_seconds: PositiveSeconds = 5.0
    health_timeout_seconds: PositiveSeconds = 0.8
    certificate_address: str | None = None
    certificate_days_min: PositiveInt = 14
    disk_paths: str = "/"
    disk_free_percent_min: Annotated[float, Meta(ge=0, le=100)] = 10.0


class OperatorSettings(Group, frozen=True):
    """What `make up` and Traefik read; no service does."""

    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    products: PositiveInt = 1000


GROUPS: tuple[type[Group], ...] = (
    ProcessSettings,
    StoreSettings,
    DatabaseSettings,
    RedisSettings,
    CacheSettings,
    WorkerSettings,
    StaffSettings,
    LimitSettings,
    CheckoutSettings,
    PaymentSettings,
    MailSettings,
    QueueSettings,
    HealthSettings,
    OperatorSettings,
)
