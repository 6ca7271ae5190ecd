"""What may be moved to a cleaner place or hour: not where it is not offered, not past its deadline."""

from __future__ import annotations

from typing import Any

import pytest

from infra_mind.knowledge import prices
from infra_mind.model.finding import Status
from tests.unit.agents.test_sustainability import AWS, assess, findings, sized


def moved_to(instance: str, **more: Any) -> tuple[str, str]:
    """The region that is proposed for one node of it in Google's europe-west4, and the words of the advice."""
    nodes = [{"instance": instance, "count": 1, "utilisation": 0.5}]
    hosting = {"provider": "gcp", "region": "europe-west4", "nodes": nodes}
    (found,) = findings(assess(hosting=hosting, compliance={"data_residency": ["eu"]}, **more), "region")
    assert found.remediation is not None
    return found.title.split()[0], found.remediation.text


def test_the_cleanest_region_is_one_that_offers_the_machines() -> None:
    everywhere, said = moved_to("n2-standard-4")
    assert prices.price("gcp", everywhere, "n2-standard-4")
    assert "at list prices its nodes cost" in said


def test_where_no_clean_region_offers_a_machine_the_advice_says_so() -> None:
    region, said = moved_to("a2-highgpu-1g")
    assert prices.price("gcp", region, "a2-highgpu-1g") is None
    assert "no price of a2-highgpu-1g is known there, so it may not offer them" in said


def test_a_region_without_the_gpu_of_a_served_model_is_passed_over_for_one_that_has_it() -> None:
    chat = {"name": "chat", "model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "h100_sxm"}
    size = sized(**{"serving.chat.gpus": 2, "serving.chat.utilisation": 0.5})
    hosting = {
        "provider": "gcp",
        "region": "us-central1",
        "nodes": [{"instance": "e2-standard-4", "utilisation": 0.5}],
    }
    (found,) = findings(assess(size, hosting=hosting, llm_serving=[chat]), "region")
    assert found.status is Status.FAIL
    cleanest = "northamerica-northeast1"  # by its grid, and no list has the GPU there
    assert cleanest not in prices.gpu_regions("gcp", "h100_sxm")
    assert found.title.split()[0] == "us-west1"


@pytest.mark.parametrize(
    ("deadline", "days", "status"),
    [(6, 2.0, Status.FAIL), (5, 2.0, Status.PASS), (None, 2.0, Status.FAIL), (1, 2.0, Status.PASS)],
)
def test_only_a_run_whose_deadline_leaves_three_times_its_days_may_wait_for_clean_hours(
    deadline: float | None, days: float, status: Status
) -> None:
    job: dict[str, Any] = {"name": "tune", "parameters": 8e9, "gpu": "h100_sxm"}
    if deadline:
        job["deadline_days"] = deadline
    size = sized(**{"training.tune.gpu_hours": 100.0, "training.tune.days": days})
    (found,) = findings(assess(size, hosting=AWS, training=[job]), "hours")
    assert found.status is status
    assert ("No run can wait" in found.title) is (status is Status.PASS)


def test_what_the_hours_save_is_reckoned_from_the_runs_that_may_wait_alone() -> None:
    jobs = [
        {"name": n, "parameters": 8e9, "gpu": "h100_sxm", "deadline_days": d}
        for n, d in (("slow", 30), ("fast", 1))
    ]
    size = sized(
        **{f"training.{n}.{k}": v for n in ("slow", "fast") for k, v in (("gpu_hours", 100.0), ("days", 1.0))}
    )
    (found,) = findings(assess(size, hosting=AWS, training=jobs), "hours")
    assert "sustainability.training.slow.kgco2e" in found.facts
    assert "sustainability.training.fast.kgco2e" not in found.facts


def test_nodes_that_cost_the_same_there_are_said_to() -> None:
    hosting = {
        "provider": "gcp",
        "region": "us-central1",
        "nodes": [{"instance": "a3-highgpu-8g", "utilisation": 0.5}],
    }
    (found,) = findings(assess(hosting=hosting), "region")
    assert found.remediation is not None
    assert "at list prices its nodes cost the same;" in found.remediation.text
    assert found.impact is not None
    assert found.impact.usd_per_month == 0
