"""Where the pod specification stands in each kind of workload, and the containers in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.rule import Check, Outcome, each
from infra_mind.agents.security.subject import Subject

_TEMPLATE = "spec.template.spec"
POD_SPEC = {
    "Pod": "spec",
    "CronJob": "spec.jobTemplate.spec.template.spec",
    **dict.fromkeys(
        ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job", "Rollout"),
        _TEMPLATE,
    ),
}
WORKLOADS = tuple(POD_SPEC)
SERVING = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Pod", "Rollout")
_GROUPS = ("initContainers", "containers", "ephemeralContainers")

ContainerCheck = Callable[[Subject, Subject], Iterable[Outcome]]
PodCheck = Callable[[Subject], Iterable[Outcome]]


def pod_of(workload: Subject) -> Subject | None:
    """The pod specification as a Subject, None where there is none. Raises OddShape if it is no map."""
    path = POD_SPEC[workload.resource.kind]
    value = workload.mapping(path)
    return Subject(workload.resource, value, path) if value else None


def containers_of(pod: Subject, init: bool = True) -> Iterator[Subject]:
    """The containers, those that run before the others included."""
    for group in _GROUPS if init else ("containers",):
        yield from pod.blocks(group)


def per_pod(check: PodCheck) -> Check:
    """A rule's function from a check of one pod specification."""

    def run(subject: Subject, _: Context) -> Iterator[Outcome]:
        pod = pod_of(subject)
        if pod is not None:
            yield from each([pod], check)

    return run


def per_container(check: ContainerCheck, init: bool = True) -> Check:
    """A rule's function from a check of (container, pod)."""

    def run(subject: Subject, _: Context) -> Iterator[Outcome]:
        pod = pod_of(subject)
        if pod is not None:
            yield from each(containers_of(pod, init), lambda container: check(container, pod))

    return run


def called(container: Subject) -> str:
    """` (container web)` for evidence."""
    name = container.raw("name")
    return f" (container {name})" if isinstance(name, str) else ""
