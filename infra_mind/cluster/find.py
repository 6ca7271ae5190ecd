"""Where the API of the Ray cluster listens that this process belongs to: for jobs, which know the cluster but no URL."""

from __future__ import annotations

from typing import Any

from infra_mind.errors import Unavailable
from infra_mind.home import Home
from infra_mind.settings import Settings


def api_url(settings: Settings) -> str | None:
    """URL of the API for a job: None where the client knows it by itself (settings, or a local `infra-mind up`)."""
    if settings.url or Home.of(settings).endpoint():
        return None
    return url_of_cluster(settings.ray_address or "")


def url_of_cluster(address: str) -> str | None:
    """URL of Serve's HTTP on the cluster with this GCS address; None without one. Raises Unavailable when Serve does not run."""
    if not address or address.startswith("http"):
        return None
    import ray
    from ray.serve.context import _get_global_client

    if not ray.is_initialized():
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    client = _get_global_client(raise_if_no_controller_running=False)
    if client is None:
        raise Unavailable(
            "Serve does not run on this cluster: `serve deploy deploy/serve.yaml` starts the platform"
        )
    options: dict[str, Any] = client.get_serve_details()["http_options"]
    host = options["host"] if options["host"] not in (None, "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared, not bound
    return f"http://{host}:{options['port']}"
