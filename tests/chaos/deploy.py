"""`python -m tests.chaos.deploy GCS_ADDRESS PORT`: puts the platform with synthetic agents on a running cluster, and leaves."""

from __future__ import annotations

import sys

import ray
from ray import serve
from ray.serve.config import HTTPOptions, ProxyLocation

from infra_mind.cluster.deployments import application
from infra_mind.cluster.engine import Engine
from infra_mind.settings import Settings
from tests.platform import SYNTHETIC


def main(address: str, port: int) -> None:
    settings = Settings()
    assert settings.store_url is not None
    engine = Engine.of(
        settings, store_url=settings.store_url.get_secret_value(), agents=SYNTHETIC, slot_resource="slot"
    )
    ray.init(address, namespace="infra_mind", log_to_driver=False)
    serve.start(proxy_location=ProxyLocation.HeadOnly, http_options=HTTPOptions(host="127.0.0.1", port=port))
    serve.run(application(engine), name="infra-mind", route_prefix="/")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
