"""One served model: what it weighs, what fits on a GPU, the split that needs the fewest GPUs for the load and its targets."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra_mind.agents import defaults
from infra_mind.agents.mlops import assumptions, deployment, fitting, kernels
from infra_mind.agents.mlops.kernels import Tables
from infra_mind.agents.mlops.roofline import Planning, Replica, peak_flops
from infra_mind.agents.mlops.shape import (
    BYTES,
    Shape,
    checkpoint_dtype,
    contradictions,
    missing_fields,
    shape_of,
    whole,
)
from infra_mind.agents.mlops.split import Split, best_of, candidates
from infra_mind.knowledge import gpus, models
from infra_mind.knowledge.gpus import Gpu
from infra_mind.model.brief import Serving
from infra_mind.model.fact import Assumption, Fact, FactValue
from infra_mind.model.finding import (
    Confidence,
    Effort,
    Evidence,
    Finding,
    Remediation,
    Severity,
    Status,
    make_finding,
    not_assessed,
)
from infra_mind.model.numbers import counted, number, quantity

AGENT_NAME = "mlops"


@dataclass
class ServingCase:
    """What is reckoned and found for one item; `path` is its place in the brief, `id` its part of the fact ids."""

    item: Serving
    path: str
    id: str
    tables: Tables | None = field(default_factory=lambda: kernels.installed())
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)

    def assess(self) -> None:
        """Fills facts, findings, assumptions and details as far as the brief allows."""
        shape = shape_of(self.item, self.path)
        if shape is None:
            self._unknown_model()
        else:
            self._model(shape)
            self._contradictions(shape)
        gpu = self._gpu()
        load_known = self._load_known()
        if shape is not None and gpu is not None and load_known:
            self._deploy(shape, gpu)

    # --- what is known of the model alone

    def _model(self, shape: Shape) -> None:
        item = self.item
        decided = () if shape.published or checkpoint_dtype(item) else ("weight_dtype",)
        self.assumptions.extend(defaults.used(AGENT_NAME, item, self.path, *decided, "kv_dtype"))
        counted = "given" if shape.from_brief else "Σ over tensor groups of their elements"
        self._fact(shape, "parameters", shape.parameters, "count", counted)
        if shape.experts:
            active = "Σ over the tensor groups that work on one token"
            self._fact(shape, "active_parameters", shape.active_parameters, "count", active)
        self._fact(
            shape, "weights_bytes", whole(shape.weights_bytes), "bytes",
            "Σ over tensor groups of parameters · bytes of its dtype, and the scales", parameters=shape.parameters,
            weight_dtype=shape.weight_dtype, **({"scheme": shape.scheme.id} if shape.scheme else {}),
        )  # fmt: skip
        self._fact(
            shape, "kv_bytes_per_token", whole(shape.kv_values_per_token * BYTES[item.kv_dtype]), "bytes", shape.kv_formula,
            values_per_token=shape.kv_values_per_token, layers=shape.layers, bytes=BYTES[item.kv_dtype], kv_dtype=item.kv_dtype,
        )  # fmt: skip
        self.details["tensor_groups"] = [
            {"group": g.name, "parameters": g.parameters, "bytes": whole(shape.weight_bytes(g))}
            for g in shape.groups
        ]
        if shape.from_brief:
            self.assumptions.append(assumptions.dense(self.id, self.path))
        if shape.window:
            self.assumptions.append(assumptions.sliding_window(self.id, shape))
        if shape.scheme:
            self.assumptions.append(assumptions.storage(self.id, shape.scheme, self.path, shape.published))
            if shape.from_brief:
                self.assumptions.append(assumptions.one_width(self.id, shape.weight_dtype, self.path))

    def _unknown_model(self) -> None:
        near = models.nearest_names(self.item.model)
        known = "id is" if len(near) == 1 else "ids are"
        hint = f"the nearest known {known} {', '.join(near)}" if near else "no known id is near it"
        for name in missing_fields(self.item):
            self._missing(
                "mlops.serving.model", name,
                f"{self.item.name}: {self.item.model} is not in the table of published configs, and `{name}` is not given",
                f"Give `{self.path}.{name}`, or the id the model is published under: {hint}.",
            )  # fmt: skip

    def _contradictions(self, shape: Shape) -> None:
        for name, given, published in contradictions(self.item):
            self.findings.append(
                make_finding(
                    rule_id="mlops.serving.shape", agent=AGENT_NAME, status=Status.FAIL, severity=Severity.LOW,
                    title=f"{self.item.name}: {name} in the brief differs from the published config, which was used",
                    resource=f"{self.path}.{name}", value=given,
                    evidence=(Evidence(artefact="brief", path=f"{self.path}.{name}", observed=f"{given:.12g}", expected=f"{published:.12g}"),),
                    remediation=Remediation(text=f"Leave `{name}` out, or name the model by an id of its own.", effort=Effort.MINUTES),
                    references=(shape.source,),
                )
            )  # fmt: skip

        fixed = checkpoint_dtype(self.item)
        if fixed and "weight_dtype" in self.item.model_fields_set and self.item.weight_dtype != fixed:
            self.findings.append(
                make_finding(
                    rule_id="mlops.serving.shape", agent=AGENT_NAME, status=Status.FAIL, severity=Severity.LOW,
                    title=f"{self.item.name}: {self.item.model} is a checkpoint in {fixed}, which was used",
                    resource=f"{self.path}.weight_dtype", value=self.item.weight_dtype,
                    evidence=(Evidence(artefact="brief", path=f"{self.path}.weight_dtype", observed=self.item.weight_dtype, expected=fixed),),
                    remediation=Remediation(text="Leave `weight_dtype` out, or name the model by the id of its base.", effort=Effort.MINUTES),
                    references=(shape.source,),
                )
            )  # fmt: skip

    # --- what the brief has to give

    def _gpu(self) -> Gpu | None:
        if self.item.gpu is None:
            self._missing(
                "mlops.serving.gpu", "gpu", f"{self.item.name}: no GPU is named, so no fit was reckoned"
            )
            return None
        gpu = gpus.find(self.item.gpu)
        if gpu is None:
            near = ", ".join(gpus.nearest_names(self.item.gpu)) or ", ".join(g.id for g in gpus.table().rows)
            self._missing(
                "mlops.serving.gpu", "gpu", f"{self.item.name}: the GPU {self.item.gpu!r} is not in the table",
                f"Use a known id; nearest: {near}.", observed=self.item.gpu,
            )  # fmt: skip
        return gpu

    def _load_known(self) -> bool:
        known = True
        for name in ("requests_per_s", "input_tokens", "output_tokens"):
            if getattr(self.item, name) is None:
                self._missing(
                    "mlops.serving.load",
                    name,
                    f"{self.item.name}: without {name} no number of GPUs can be reckoned",
                )
                known = False
        return known

    # --- the deployment

    def _deploy(self, shape: Shape, gpu: Gpu) -> None:
        dtype = shape.weight_dtype
        peak = peak_flops(gpu, dtype)
        if peak is None:
            self._missing(
                "mlops.serving.dtype", "weight_dtype",
                f"{self.item.name}: the table has no {dtype} rate for {gpu.id}",
                f"Give another `{self.path}.weight_dtype`.", observed=dtype,
            )  # fmt: skip
            return
        if dtype == "bf16" and gpu.bf16_flops is None:
            self._no_bf16(gpu)
        plan = Planning.of(gpu)
        self.assumptions.extend(assumptions.of_serving(plan, gpu))
        if shape.experts:
            self.assumptions += [*assumptions.experts(plan, gpu), assumptions.experts_band(gpu)]
        self.assumptions.extend(defaults.used(AGENT_NAME, self.item, self.path, "ttft_s", "tpot_s"))
        if shape.scheme and peak == gpu.half_flops:
            self.assumptions.append(assumptions.widened(self.id, dtype, gpu.id, self.path))
        splits = candidates(self.item, shape, gpu, peak, plan)
        load = self.item.requests_per_s or 0.0
        self.details["splits"] = [deployment.row(split, load) for split in splits]
        best = best_of(splits, load)
        if best is None:
            self._cannot(shape, splits, gpu)
            return
        self.facts.extend(deployment.facts(self._prefix, best, load))
        self._beside(shape, best, load)
        self._meets(best, load)

    def _beside(self, shape: Shape, best: Split, load: float) -> None:
        """The measured kernel tables beside the closed form, where they are installed and cover the deployment."""
        if self.tables is None:
            return
        asked = kernels.question(self.tables, self.item.model, shape, best.replica, best.batch)
        if asked is None:
            self.details["kernel_tables"] = "hold no such model, GPU or dtype"
            return
        try:
            answer = self.tables.ask(asked)
        except (
            Exception
        ) as error:  # the package's own errors are many and undocumented; the closed form stands without it
            self.details["kernel_tables"] = f"gave no answer: {type(error).__name__}"
            return
        self.facts.extend(deployment.beside(self._prefix, best, load, asked, answer))

    # --- findings

    def _meets(self, best: Split, load: float) -> None:
        replicas = best.replicas(load)
        targets = [
            f"{name} {_s(getattr(self.item, name))}"
            for name in ("ttft_s", "tpot_s")
            if getattr(self.item, name) is not None
        ]
        self.findings.append(
            make_finding(
                rule_id="mlops.serving.fit", agent=AGENT_NAME, status=Status.PASS, severity=Severity.INFO, confidence=Confidence.MEDIUM,
                title=f"{self.item.name}: {counted(replicas, 'replica')} of {best.replica.tp} × {best.replica.gpu.id} {'serves' if replicas == 1 else 'serve'} the load"
                + (f" within {' and '.join(targets)}" if targets else "") + self._between(),
                resource=self.path, value=self.item.model,
                facts=tuple(f"{self._prefix}.{name}" for name in ("gpus", "gpus_low", "gpus_high", "gpus_per_replica", "replicas", "binding_constraint")),
            )
        )  # fmt: skip

    def _between(self) -> str:
        """How few and how many GPUs it may be by the error band, where that is not the same number."""
        held = {f.id: f.value for f in self.facts}
        low, high = (held[f"{self._prefix}.gpus_{end}"] for end in ("low", "high"))
        return "" if low == high else f"; by the error band it may take {low} to {high} GPUs"

    def _cannot(self, shape: Shape, splits: list[Split], gpu: Gpu) -> None:
        """No split meets everything: says which constraint stands in the way on the split that comes nearest, and by how much."""
        fitting = [split for split in splits if split.limits["memory"] >= 1]
        if not fitting:
            self.facts.append(deployment.binding_constraint(self._prefix, splits[-1], "memory"))
            self.facts.append(deployment.missing_bytes(self._prefix, splits[-1]))
            self._does_not_fit(shape, splits[-1].replica, gpu)
            return
        constraint, seconds, target, nearest = min(
            (self._shortfall(split) for split in fitting),
            key=lambda miss: (miss[1] / miss[2], miss[3].replica.tp),
        )
        self.facts.append(deployment.binding_constraint(self._prefix, nearest, constraint))
        self.facts.append(deployment.best_time(self._prefix, nearest, constraint, seconds))
        self._fail(
            f"mlops.serving.{constraint}",
            f"{self.item.name}: no split over {gpu.id} meets the {constraint} target of {_s(target)}; the best is {_s(seconds)} on "
            f"{counted(nearest.replica.tp, 'GPU')} without any other load, {number(seconds / target)} times the target",
            f"{self.path}.{constraint}_s", _s(seconds), f"at most {_s(target)}",
            "Take a GPU with more bandwidth or a smaller weight_dtype, or allow more time." if constraint == "tpot"
            else "Take a GPU with a higher dense rate, shorten the prompt, or allow more time.",
        )  # fmt: skip

    def _shortfall(self, split: Split) -> tuple[str, float, float, Split]:
        replica = split.replica
        wanted = {
            "ttft": (replica.prefill_s, self.item.ttft_s),
            "tpot": (replica.best_tpot_s(), self.item.tpot_s),
        }
        missed = [
            (name, s, t, split)
            for name, (s, t) in wanted.items()
            if t is not None and split.limits[name] <= 0
        ]
        return max(missed, key=lambda miss: miss[1] / miss[2])

    def _does_not_fit(self, shape: Shape, replica: Replica, gpu: Gpu) -> None:
        others = [f"{degree} × {id_}" for degree, id_ in fitting.fits_on(self.item, shape, gpu)]
        if others:
            self._fact(
                shape, "fits_on", ", ".join(others), "text", "GPUs of one node that hold the weights and one request: same maker first, then the smallest",
                weight_dtype=shape.weight_dtype,
            )  # fmt: skip
        narrow = fitting.fits_in(self.item, shape, gpu, self.path)
        ways = [f"a GPU with more memory (as it is, it fits on {_either(others)})"] if others else []
        ways += [f"{narrow} weights, which fit"] if narrow else []
        short = replica.kv_per_request_per_gpu - replica.kv_room_per_gpu
        self._fail(
            "mlops.serving.memory",
            f"{self.item.name}: the weights and one request do not fit on {replica.tp} × {gpu.id}; {_bytes(short)} per GPU are missing",
            f"{self.path}.gpu",
            f"{_bytes(replica.weights_per_gpu)} of weights and {_bytes(replica.kv_per_request_per_gpu)} of cache per GPU",
            f"at most {_bytes(gpu.memory_bytes * replica.plan.memory_utilisation - replica.plan.overhead_bytes)} per GPU",
            f"Take {' or '.join(ways)}; splitting over several nodes is not reckoned here." if ways
            else "Split it over several nodes, which is not reckoned here, or take a smaller model.",
        )  # fmt: skip

    def _no_bf16(self, gpu: Gpu) -> None:
        self._fail(
            "mlops.serving.dtype", f"{self.item.name}: {gpu.id} has no bf16 unit; its fp16 rate was used",
            f"{self.path}.weight_dtype", "bf16", "fp16 or a quantised dtype",
            "Serve this model in fp16 on this GPU.", severity=Severity.LOW,
        )  # fmt: skip

    # --- how facts and findings are written down

    @property
    def _prefix(self) -> str:
        return f"mlops.serving.{self.id}"

    def _fact(
        self, shape: Shape, name: str, value: FactValue, unit: str, formula: str, **inputs: FactValue
    ) -> None:
        self.facts.append(
            Fact(
                id=f"{self._prefix}.{name}", value=value, unit=unit, formula=formula, inputs={"model": self.item.model, **inputs},
                source=shape.source, as_of=shape.as_of,
            )
        )  # fmt: skip

    def _missing(self, rule_id: str, name: str, title: str, hint: str = "", observed: str = "") -> None:
        finding = not_assessed(
            agent=AGENT_NAME, rule_id=rule_id, title=title, missing=f"{self.path}.{name}", hint=hint
        )
        if observed:
            seen = finding.evidence[0].model_copy(update={"observed": observed})
            finding = finding.model_copy(update={"evidence": (seen,)})
        self.findings.append(finding)

    def _fail(self, rule_id: str, title: str, path: str, observed: str, expected: str, remedy: str,
              severity: Severity = Severity.HIGH) -> None:  # fmt: skip
        self.findings.append(
            make_finding(
                rule_id=rule_id, agent=AGENT_NAME, title=title, status=Status.FAIL, severity=severity,
                confidence=Confidence.MEDIUM, resource=path, value=observed,
                evidence=(Evidence(artefact="brief", path=path, observed=observed, expected=expected),),
                facts=tuple(fact.id for fact in self.facts), assumptions=tuple(a.id for a in self.assumptions),
                remediation=Remediation(text=remedy, effort=Effort.DAYS),
            )
        )  # fmt: skip


def _s(seconds: float) -> str:
    return quantity(seconds, "s").text


def _either(names: list[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _bytes(size: float) -> str:
    return quantity(size, "bytes").text
