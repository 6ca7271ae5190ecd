"""Where the pod specification stands in each kind of workload, and the containers in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from infra_mind.agents.security.context import Context
from infra_mind.agents.security.rule import Check, Outcome, each
from infra_mind.agents.security.subject import Subject

_TEMPLATE = "spec.template.spec"
_CORE: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",), "CronJob": ("spec.jobTemplate.spec.template.spec",), "Job": (_TEMPLATE, "spec.tasks.*.template.spec"),  # the latter is Volcano's
    **dict.fromkeys(("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"), (_TEMPLATE,)),
}  # fmt: skip


def _ray(spec: str) -> tuple[str, ...]:
    return f"{spec}.headGroupSpec.template.spec", f"{spec}.workerGroupSpecs.*.template.spec"


# Where operators' own kinds hold pods (their API references of 2025): Ray, Kubeflow, JobSet, LeaderWorkerSet, KServe, Knative, OpenShift.
_FURTHER: dict[str, tuple[str, ...]] = {
    "RayCluster": _ray("spec"), "RayJob": (*_ray("spec.rayClusterSpec"), "spec.submitterPodTemplate.spec"), "RayService": _ray("spec.rayClusterConfig"),
    "PyTorchJob": ("spec.pytorchReplicaSpecs.*.template.spec",), "TFJob": ("spec.tfReplicaSpecs.*.template.spec",),
    "MPIJob": ("spec.mpiReplicaSpecs.*.template.spec",), "XGBoostJob": ("spec.xgbReplicaSpecs.*.template.spec",),
    "JAXJob": ("spec.jaxReplicaSpecs.*.template.spec",), "JobSet": ("spec.replicatedJobs.*.template.spec.template.spec",),
    "LeaderWorkerSet": ("spec.leaderWorkerTemplate.leaderTemplate.spec", "spec.leaderWorkerTemplate.workerTemplate.spec"),
    "InferenceService": ("spec.predictor", "spec.transformer", "spec.explainer"), "ServingRuntime": ("spec",), "ClusterServingRuntime": ("spec",),
    "PodTemplate": ("template.spec",), **dict.fromkeys(("DeploymentConfig", "Notebook", "Configuration"), (_TEMPLATE,)),
    "Service": (_TEMPLATE,),  # Knative's; the other kind of that name has no template
}  # fmt: skip
POD_SPEC = {**_CORE, **_FURTHER}
WORKLOADS = tuple(POD_SPEC)
CORE_WORKLOADS = tuple(_CORE)
SERVING = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Pod", "Rollout")
_GROUPS = ("initContainers", "containers", "ephemeralContainers")

ContainerCheck = Callable[[Subject, Subject], Iterable[Outcome]]
PodCheck = Callable[[Subject], Iterable[Outcome]]


def pods_of(workload: Subject) -> list[Subject]:
    """The pod specifications, each as a Subject. Raises OddShape for one that is no map."""
    return [pod for path in POD_SPEC[workload.resource.kind] for pod in _below(workload, path)]


def _below(workload: Subject, path: str) -> Iterator[Subject]:
    before, star, after = path.partition(".*.")
    if not star:
        value = workload.mapping(path)
        if value:
            yield Subject(workload.resource, value, path)
        return
    held = workload.known(before)
    names = held if isinstance(held, dict) else range(len(held)) if isinstance(held, list | tuple) else ()
    for name in names:
        yield from _below(workload, f"{before}.{name}.{after}")


def containers_of(pod: Subject, init: bool = True) -> Iterator[Subject]:
    """The containers, those that run before the others included."""
    for group in _GROUPS if init else ("containers",):
        yield from pod.blocks(group)


def per_pod(check: PodCheck) -> Check:
    """A rule's function from a check of one pod specification."""

    def run(subject: Subject, _: Context) -> Iterator[Outcome]:
        yield from each(pods_of(subject), check)

    return run


def per_container(check: ContainerCheck, init: bool = True) -> Check:
    """A rule's function from a check of (container, pod)."""

    def run(subject: Subject, _: Context) -> Iterator[Outcome]:
        for pod in pods_of(subject):
            yield from each(containers_of(pod, init), partial(_checked, check, pod))

    return run


def _checked(check: ContainerCheck, pod: Subject, container: Subject) -> Iterable[Outcome]:
    return check(container, pod)


def called(container: Subject) -> str:
    """` (container web)` for evidence."""
    name = container.raw("name")
    return f" (container {name})" if isinstance(name, str) else ""
