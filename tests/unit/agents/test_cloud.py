"""The cloud agent: requests of workloads, the topology, the files, and the brief's nodes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from infra_mind.agents.base import Inputs, silent
from infra_mind.agents.cloud import AGENT
from infra_mind.agents.cloud.demand import MIB, Amount, demands
from infra_mind.agents.cloud.nodes import assess_nodes
from infra_mind.model.brief import parse_brief
from infra_mind.model.finding import Finding, Status
from infra_mind.model.inventory import Artefact, Format, Inventory, Resource, UnreadFile, unresolvable
from infra_mind.model.result import AgentResult

UNKNOWN = unresolvable("var.x")


def container(name: str = "c", cpu: Any = "500m", memory: Any = "256Mi", **more: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def manifest(kind: str, spec: Any, name: str = "web", namespace: str | None = None) -> Resource:
    address = f"{kind}/{namespace or 'default'}/{name}"
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return Resource(
        address=address, block=address, format=Format.KUBERNETES, kind=kind, name=name, artefact="app.yaml",
        line_start=1, line_end=20, values={"kind": kind, "metadata": metadata, "spec": spec},
    )  # fmt: skip


def workload(
    *containers: dict[str, Any], kind: str = "Deployment", name: str = "web", replicas: Any = 2, **pod: Any
) -> Resource:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers), **pod}}
    if kind == "CronJob":
        return manifest(kind, {"jobTemplate": {"spec": {"template": template}}}, name)
    return manifest(kind, {"replicas": replicas, "template": template}, name)


def terraform(block: str, values: dict[str, Any], index: str = "", count: int | None = 1) -> Resource:
    kind, name = block.split(".")[-2:]
    return Resource(
        address=block + index, block=block, format=Format.TERRAFORM, kind=kind, name=name, artefact="main.tf",
        line_start=1, line_end=5, values=values, count=count,
    )  # fmt: skip


def compose(name: str, count: int | None = 1, **values: Any) -> Resource:
    return Resource(
        address=f"service/{name}", block=f"service/{name}", format=Format.COMPOSE, kind="service", name=name,
        artefact="compose.yaml", line_start=1, line_end=5, values=values, count=count,
    )  # fmt: skip


def inventory(*resources: Resource, unread: tuple[UnreadFile, ...] = ()) -> Inventory:
    return Inventory(resources=resources, files=1, files_read=1, unread=unread)


def assess(*resources: Resource, unread: tuple[UnreadFile, ...] = (), **brief: Any) -> AgentResult:
    inputs = Inputs(brief=parse_brief({"name": "t", **brief}), inventory=inventory(*resources, unread=unread))
    return AGENT.assess(inputs, silent)


def values(result: AgentResult) -> dict[str, Any]:
    return {fact.id: fact.value for fact in result.facts}


def of(result: AgentResult, rule_id: str) -> list[Finding]:
    return [f for f in result.findings if f.rule_id == rule_id]


def test_replicas_times_containers() -> None:
    found = values(assess(workload(container(), container("side", "250m", "1Gi"), replicas=3)))
    assert found["cloud.vcpu_requested"] == 2.25
    assert found["cloud.memory_mib_requested"] == 3 * 1280
    assert (found["cloud.workloads"], found["cloud.resources"]) == (1, 1)


@pytest.mark.parametrize(
    ("init", "vcpu"),
    [([container("i", "2")], 2.0), ([container("i", "1"), container("j", "300m")], 1.0), ([container("i", "100m")], 0.5),
     ([container("s", "1", restartPolicy="Always")], 1.5),
     ([container("s", "1", restartPolicy="Always"), container("i", "2")], 3.0)],
)  # fmt: skip
def test_init_containers_by_the_rule_of_kubernetes(init: list[dict[str, Any]], vcpu: float) -> None:
    (demand,) = demands(inventory(workload(container(), initContainers=init)), None)
    assert float(demand.pod.vcpu) == vcpu


def test_a_limit_stands_for_a_missing_request_and_overhead_is_added() -> None:
    limited = {"name": "c", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    (demand,) = demands(inventory(workload(limited, overhead={"cpu": "250m"})), None)
    assert demand.pod == Amount(Fraction(5, 4), Fraction(1024 * MIB))
    assert demand.missing == ()


def test_a_missing_request_is_never_zero_in_silence() -> None:
    result = assess(workload(container(), {"name": "bare"}), workload({"name": "x"}, name="other"))
    failed = of(result, "cloud.requests")
    assert [f.status for f in failed] == [Status.FAIL, Status.FAIL]
    assert "bare: cpu" in failed[1].evidence[0].observed + failed[0].evidence[0].observed
    fact = next(f for f in result.facts if f.id == "cloud.vcpu_requested")
    assert (fact.value, fact.inputs["workloads_not_fully_known"]) == (1.0, 2)


def test_with_no_request_known_there_is_no_sum() -> None:
    assert "cloud.vcpu_requested" not in values(assess(workload({"name": "x"})))


def test_replicas_of_apply_time_are_unresolvable() -> None:
    result = assess(workload(container(), replicas=UNKNOWN))
    assert Status.UNRESOLVABLE in [f.status for f in of(result, "cloud.requests")]
    assert "cloud.vcpu_requested" not in values(result)


def test_an_autoscaler_gives_the_floor_and_the_ceiling() -> None:
    hpa = manifest("HorizontalPodAutoscaler", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 4, "maxReplicas": 10})  # fmt: skip
    found = values(assess(workload(container(), replicas=1), hpa))
    assert (found["cloud.vcpu_requested"], found["cloud.at_most.vcpu_requested"]) == (2.0, 5.0)


def test_a_daemonset_runs_once_a_node() -> None:
    daemon = workload(container(), kind="DaemonSet")
    hosting = {"nodes": [{"instance": "x", "count": 5}, {"instance": "y", "count": 2}]}
    assert values(assess(daemon, hosting=hosting))["cloud.vcpu_requested"] == 3.5
    alone = assess(daemon)
    assert "cloud.vcpu_requested" not in values(alone)
    assert of(alone, "cloud.daemonset-nodes")[0].evidence[0].path == "hosting.nodes"


def test_cron_jobs_stand_apart() -> None:
    found = values(assess(workload(container()), workload(container(cpu="4"), kind="CronJob", name="night")))
    assert (found["cloud.vcpu_requested"], found["cloud.cronjobs.vcpu_requested"]) == (1.0, 4.0)


def test_compose_reservations_then_limits() -> None:
    reserved = compose(
        "a",
        2,
        deploy={"resources": {"reservations": {"cpus": "0.5", "memory": "512M"}, "limits": {"cpus": "4"}}},
    )
    result = assess(reserved, compose("b", cpus=1, mem_limit="1g"))  # fmt: skip
    assert values(result)["cloud.vcpu_requested"] == 2.0
    assert values(result)["cloud.memory_mib_requested"] == 2048
    assert "cloud.compose_limits_are_requests" in {a.id for a in result.assumptions}


def test_what_is_not_deployed_is_no_resource() -> None:
    result = assess(
        terraform("aws_subnet.a", {}, count=3), terraform("aws_lb.x", {}, "[0]", count=2),
        terraform("aws_instance.y", {}, count=None),
        terraform("aws_vpc.v", {}).model_copy(update={"kind": "provider.aws"}),
    )  # fmt: skip
    found = values(result)
    assert (found["cloud.resources"], found["cloud.load_balancers"], found["cloud.unresolved"]) == (5, 1, 1)


def test_the_topology_follows_references_selectors_and_routes() -> None:
    ingress = manifest(
        "Ingress", {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "front"}}}]}}]}, "edge"
    )
    result = assess(
        workload(container()),
        workload(container(), name="other"),
        manifest("Service", {"selector": {"app": "web"}}, "front"),
        ingress,
        compose("api", depends_on={"db": {}}),
        compose("db"),
        terraform("module.net.aws_subnet.a", {"vpc_id": unresolvable("aws_vpc.main.id")}),
        terraform("module.net.aws_vpc.main", {}),
        terraform("aws_vpc.main", {}),
        terraform("aws_instance.web", {"user_data": "x ${aws_vpc.main.id} and myaws_vpc.main.id"}),
    )  # fmt: skip
    edges = {(e["from"], e["to"], e["kind"]) for e in result.details["topology"]["edges"]}
    assert edges == {
        ("Service/default/front", "Deployment/default/web", "selects"),
        ("Ingress/default/edge", "Service/default/front", "routes"),
        ("service/api", "service/db", "depends_on"),
        ("module.net.aws_subnet.a", "module.net.aws_vpc.main", "references"),
        ("aws_instance.web", "aws_vpc.main", "references"),
    }


def test_a_service_of_another_namespace_selects_nothing() -> None:
    other = manifest("Service", {"selector": {"app": "web"}}, "front", namespace="prod")
    assert assess(workload(container()), other).details["topology"]["edges"] == []


def test_an_address_of_two_roots_names_both_files() -> None:
    roots = [
        Resource(address="aws_s3_bucket.logs", block="aws_s3_bucket.logs", format=Format.TERRAFORM, kind="aws_s3_bucket",
                 name="logs", provider="aws", artefact=f"{root}/main.tf", line_start=1, line_end=1)
        for root in ("bank", "shop")
    ]  # fmt: skip
    (node,) = assess(*roots).details["topology"]["nodes"]
    assert (node["artefact"], node["also_in"]) == ("bank/main.tf", ["shop/main.tf"])


def test_a_large_topology_is_capped_and_says_so() -> None:
    many = [compose(f"s{i:05}") for i in range(2_100)]
    graph = assess(*many).details["topology"]
    assert (len(graph["nodes"]), graph["nodes_left_out"]) == (2_000, 100)


def test_no_artefacts_is_not_assessed() -> None:
    result = AGENT.assess(Inputs(brief=parse_brief({"name": "t"})), silent)
    assert result.facts == ()
    assert of(result, "cloud.artefacts")[0].evidence[0].path == "artefacts"


@pytest.mark.parametrize(
    ("named", "sent", "missing"),
    [
        (["b/main.tf"], ["a/main.tf"], ["b/main.tf"]),
        (["b/main.tf"], ["b/main.tf"], []),
        (["infra/b/main.tf"], ["b/main.tf"], []),
        (["b/main.tf"], ["infra/b/main.tf"], []),
        (["./b/main.tf"], ["b/main.tf"], []),
        (["../infra/main.tf"], ["main.tf"], []),
        (["C:\\infra\\main.tf"], ["main.tf"], []),
        (["/srv/infra/main.tf"], ["infra/main.tf"], []),
        (["a/main.tf", "b/main.tf"], ["main.tf"], ["a/main.tf", "b/main.tf"]),
        (["a/main.tf", "b/main.tf"], ["a/main.tf"], ["b/main.tf"]),
        (["ab/main.tf"], ["b/main.tf"], ["ab/main.tf"]),
        (["api/Dockerfile"], ["worker/Dockerfile"], ["api/Dockerfile"]),
        (["infra"], ["main.tf"], []),
    ],
)
def test_a_named_file_is_matched_by_the_end_of_its_path(
    named: list[str], sent: list[str], missing: list[str]
) -> None:
    inputs = Inputs(
        brief=parse_brief({"name": "t", "artefacts": named}),
        inventory=Inventory(files=len(sent), files_read=len(sent)),
        artefacts={path: Artefact(path=path, content="") for path in sent},
    )
    found = of(AGENT.assess(inputs, silent), "cloud.artefacts-not-sent")
    assert [f.resource for f in found] == missing


def test_a_file_that_was_named_and_not_sent_is_said() -> None:
    brief = parse_brief({"name": "t", "artefacts": ["main.tf", "db.tf"]})
    inputs = Inputs(brief=brief, inventory=inventory(), artefacts={"infra/main.tf": Artefact(path="infra/main.tf", content="")})  # fmt: skip
    (finding,) = of(AGENT.assess(inputs, silent), "cloud.artefacts-not-sent")
    assert (finding.resource, finding.status) == ("db.tf", Status.NOT_ASSESSED)
    nothing = AGENT.assess(Inputs(brief=parse_brief({"name": "t", "artefacts": "infra"})), silent)
    assert [f.resource for f in of(nothing, "cloud.artefacts-not-sent")] == ["infra"]


def test_what_terraform_asks_for_is_not_said_to_be_named_in_the_brief() -> None:
    unread = (
        UnreadFile(artefact="boot.sh", reason="file() asks for it, it was not handed in", kind="not_sent"),
        UnreadFile(artefact="main.tf", reason="module 'm': the folder ./m was not handed in", line=7, kind="not_sent"),
    )  # fmt: skip
    file, module = of(assess(unread=unread), "cloud.artefacts-not-sent")
    assert file.title == "boot.sh: file() asks for it, it was not handed in"
    assert module.title == "main.tf: module 'm': the folder ./m was not handed in"
    assert (module.evidence[0].artefact, module.evidence[0].line_start) == ("main.tf", 7)
    assert file.remediation is not None
    assert module.remediation is not None
    assert "artefacts" not in file.remediation.text + module.remediation.text
    assert "module" in module.remediation.text


def test_a_file_that_both_the_brief_and_terraform_name_is_said_once() -> None:
    unread = (
        UnreadFile(artefact="boot.sh", reason="file() asks for it, it was not handed in", kind="not_sent"),
    )
    inputs = Inputs(
        brief=parse_brief({"name": "t", "artefacts": ["boot.sh"]}),
        inventory=Inventory(files=1, files_read=1, unread=unread),
        artefacts={"main.tf": Artefact(path="main.tf", content="")},
    )
    (finding,) = of(AGENT.assess(inputs, silent), "cloud.artefacts-not-sent")
    assert finding.title == "`boot.sh` is named in the brief and was not sent"


def test_what_could_not_be_read_or_resolved_keeps_its_line() -> None:
    unread = (
        UnreadFile(artefact="bad.yaml", reason="broken", line=4),
        UnreadFile(artefact="main.tf", reason="module from a registry", line=9, kind="remote_module"),
        UnreadFile(artefact="README.md", reason="no format", kind="unsupported"),
    )
    result = assess(unread=unread)
    assert values(result)["cloud.unresolved"] == 1
    assert of(result, "cloud.unread")[0].evidence[0].line_start == 4
    assert of(result, "cloud.unresolved")[0].status is Status.UNRESOLVABLE
    assert of(result, "cloud.unsupported")[0].status is Status.NOT_ASSESSED


@pytest.mark.parametrize(
    "spec", [None, 3, "x", [], {"template": []}, {"template": {"spec": {"containers": "x"}}}]
)
def test_hostile_manifests_do_not_crash(spec: Any) -> None:  # fmt: skip
    for kind in (
        "Deployment",
        "CronJob",
        "DaemonSet",
        "Pod",
        "Service",
        "Ingress",
        "HorizontalPodAutoscaler",
    ):
        assess(manifest(kind, spec))


def node_findings(
    nodes: list[dict[str, Any]], *resources: Resource, provider: str | None = "aws"
) -> dict[str, Finding]:
    sizes = {"small": Amount(Fraction(2), Fraction(4096 * MIB)), "large": Amount(Fraction(8), Fraction(32768 * MIB))}  # fmt: skip
    brief = parse_brief({"name": "t", "hosting": {"provider": provider, "nodes": nodes}})
    asked = demands(inventory(*resources), sum(n.get("count", 1) for n in nodes))
    found = assess_nodes(brief.hosting, asked, lambda _provider, name: sizes.get(name))
    return {f.rule_id: f for f in found.findings}


def test_nodes_that_carry_all_with_none_to_spare() -> None:
    found = node_findings([{"instance": "small", "count": 2, "zones": 2}], workload(container(), replicas=4))
    assert found["cloud.node-capacity"].status is Status.PASS
    assert found["cloud.zone-loss"].status is Status.PASS
    assert found["cloud.spare-nodes"].status is Status.PASS


def test_nodes_that_do_not_survive_a_lost_zone() -> None:
    found = node_findings([{"instance": "small", "count": 3, "zones": 3}], workload(container(), replicas=10))
    assert found["cloud.node-capacity"].status is Status.PASS
    assert found["cloud.zone-loss"].status is Status.FAIL


def test_nodes_that_are_too_few_name_what_is_left_over() -> None:
    found = node_findings([{"instance": "small", "count": 1, "zones": 1}], workload(container(), replicas=6))
    assert found["cloud.node-capacity"].status is Status.FAIL
    assert "2 of Deployment/default/web" in found["cloud.node-capacity"].evidence[0].observed


def test_spare_nodes_keep_the_zone_that_may_be_lost() -> None:
    found = node_findings([{"instance": "small", "count": 9, "zones": 3}], workload(container(), replicas=8))
    assert found["cloud.spare-nodes"].status is Status.FAIL
    assert found["cloud.spare-nodes"].evidence[0].expected == "3 carry every pod with a zone lost"


def test_no_fewer_nodes_are_advised_where_no_zone_may_be_lost() -> None:
    found = node_findings([{"instance": "small", "count": 9, "zones": 1}], workload(container(), replicas=2))
    assert found["cloud.zone-loss"].status is Status.FAIL
    assert "cloud.spare-nodes" not in found


def test_too_many_sizes_to_pack_are_not_assessed() -> None:
    many = [workload(container(cpu=f"{i}m"), name=f"w{i}") for i in range(1, 502)]
    found = node_findings([{"instance": "small", "count": 9, "zones": 3}], *many)
    assert found["cloud.node-capacity"].status is Status.NOT_ASSESSED
    assert "cloud.spare-nodes" not in found


@pytest.mark.parametrize(("utilisation", "status"), [(0.6, Status.PASS), (0.7, Status.FAIL)])
def test_without_requests_the_utilisation_tells_about_a_lost_zone(utilisation: float, status: Status) -> None:
    found = node_findings([{"instance": "small", "count": 3, "zones": 3, "utilisation": utilisation}])
    assert found["cloud.zone-loss"].status is status


def test_the_utilisation_that_a_lost_zone_allows_is_that_of_the_nodes_which_are_left() -> None:
    found = node_findings([{"instance": "small", "count": 7, "zones": 3, "utilisation": 0.6}])[
        "cloud.zone-loss"
    ]
    assert found.title == "The nodes of small do not survive the loss of a zone"
    assert found.remediation is not None
    assert "4 nodes of 7 would be left" in found.remediation.text
    assert "57.14" in found.remediation.text  # and not the two thirds of three full zones


def test_without_requests_and_utilisation_a_lost_zone_is_not_judged() -> None:
    found = node_findings([{"instance": "small", "count": 3, "zones": 3}])
    assert found["cloud.zone-loss"].status is Status.NOT_ASSESSED
    assert found["cloud.zone-loss"].evidence[0].path == "hosting.nodes.0.utilisation"


def test_an_unknown_instance_is_named() -> None:
    found = node_findings([{"instance": "mystery", "zones": 2}], workload(container()))
    assert found["cloud.node-capacity"].status is Status.NOT_ASSESSED
    assert "`mystery`" in found["cloud.node-capacity"].title


@pytest.mark.parametrize(("nodes", "provider", "path"), [([], "aws", "hosting.nodes"), ([{"instance": "small"}], None, "hosting.provider")])  # fmt: skip
def test_missing_fields_of_hosting_are_named(
    nodes: list[dict[str, Any]], provider: str | None, path: str
) -> None:
    found = node_findings(nodes, workload(container()), provider=provider)
    assert found["cloud.node-capacity"].evidence[0].path == path


def test_zones_that_are_not_given_are_not_assessed() -> None:
    found = node_findings([{"instance": "small"}], workload(container()))
    assert found["cloud.zone-loss"].evidence[0].path == "hosting.nodes.0.zones"
