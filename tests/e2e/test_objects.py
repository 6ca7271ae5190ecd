"""Very large results on a platform as a person runs it, with an S3 server on loopback as its object storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from infra_mind.errors import NotFound
from tests.e2e.steps import BRIEF
from tests.platform import platform
from tests.s3 import BUCKET, s3_server
from tests.waiting import wait_until

URL = f"s3://{BUCKET}/results"


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


def keys_in(s3: dict[str, str]) -> set[str]:
    """Of this platform only: one process has one bucket of that name, whatever server asks for it."""
    client = boto3.client(
        "s3",
        endpoint_url=s3["AWS_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=s3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
    )
    return {
        one["Key"] for one in client.list_objects_v2(Bucket=BUCKET, Prefix="results/").get("Contents", [])
    }


def test_a_large_result_lies_in_the_bucket_and_goes_with_its_assessment(
    s3: dict[str, str], tmp_path: Path
) -> None:
    settings = {**s3, "INFRA_MIND_OBJECTS_URL": URL, "INFRA_MIND_OBJECTS_ABOVE": "2000"}
    with platform(tmp_path / "home", "--slots", "4", settings=settings) as engine, engine.client() as client:
        assessment = client.create(BRIEF)
        task_id = client.start(assessment.assessment_id)
        client.wait(task_id)
        assert client.result(task_id).status == "completed"
        assert f"results/{task_id}.1.result." in "\n".join(sorted(keys_in(s3)))
        assert not (tmp_path / "home" / "objects").exists()
        client.delete(assessment.assessment_id)
        with pytest.raises(NotFound):
            client.result(task_id)
        # a deletion that fails once is begun again after a minute
        wait_until("nothing of it is left in the bucket", lambda: not keys_in(s3), timeout_s=180)
