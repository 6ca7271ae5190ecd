"""One training run: arithmetic, days, GPU hours, memory, and whether the deadline holds.

FLOPs = 6·N·D (J. Kaplan et al., arXiv:2001.08361): two per parameter and token forward, four backward."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from infra_mind.agents.mlops import assumptions
from infra_mind.agents.reliability.availability import checkpoint_waste
from infra_mind.knowledge import gpus
from infra_mind.knowledge.gpus import Gpu
from infra_mind.model.brief import Training
from infra_mind.model.fact import Assumption, Fact, FactValue
from infra_mind.model.finding import (
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
DAY_S = 86_400
YOUNG = "Young, CACM 17 (1974); Daly, FGCS 22 (2006); brief: training"
KAPLAN = "J. Kaplan et al., arXiv:2001.08361"
SLACK = 1e-9
MOST_GPUS = 1_000_000  # the brief's own bound


@dataclass
class TrainingCase:
    """What is reckoned and found for one run; `path` is its place in the brief, `id` its part of the fact ids."""

    item: Training
    path: str
    id: str
    facts: list[Fact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)

    def assess(self) -> None:
        """Fills facts, findings and assumptions as far as the brief allows."""
        item = self.item
        gpu = self._gpu()
        self._memory(gpu)
        if item.tokens is None:
            self._missing("tokens", "the arithmetic and the days")
        if item.gpus is None:
            self._missing("gpus", "the days and whether the run fits")
        if item.tokens is None:
            return
        flops = 6 * item.parameters * item.tokens
        self._fact(
            "flops",
            flops,
            "FLOP",
            "6 · parameters · tokens",
            KAPLAN,
            None,
            parameters=item.parameters,
            tokens=item.tokens,
        )
        if gpu is not None:
            self._time(flops, gpu)

    def _gpu(self) -> Gpu | None:
        if self.item.gpu is None:
            self._missing("gpu", "the days and whether the run fits")
            return None
        gpu = gpus.find(self.item.gpu)
        if gpu is None:
            near = ", ".join(gpus.nearest_names(self.item.gpu)) or ", ".join(g.id for g in gpus.table().rows)
            finding = self._missing(
                "gpu",
                f"a GPU {self.item.gpu!r} that is not in the table",
                f"Use a known id; nearest: {near}.",
            )
            seen = finding.evidence[0].model_copy(update={"observed": self.item.gpu})
            self.findings[-1] = finding.model_copy(update={"evidence": (seen,)})
        return gpu

    def _memory(self, gpu: Gpu | None) -> None:
        item = self.item
        needed = assumptions.ADAM_BYTES * item.parameters
        self._fact(
            "memory_bytes",
            needed,
            "bytes",
            "16 · parameters",
            assumptions.ZERO,
            None,
            parameters=item.parameters,
        )
        self.assumptions.append(assumptions.full_fine_tune())
        if gpu is None:
            return
        least = max(1, ceil(needed / gpu.memory_bytes))
        self._fact("gpus_for_memory", least, "count", "ceil(memory_bytes / memory of one GPU)", gpu.source, gpu.as_of,
                   memory_bytes=needed, gpu=gpu.id, gpu_memory_bytes=gpu.memory_bytes)  # fmt: skip
        self._sharding(gpu)
        if item.gpus is not None and item.gpus < least:
            self._fail(
                "mlops.training.memory",
                f"{item.name}: a full fine-tune needs {_bytes(needed)} for weights, gradients and optimiser, {number(item.gpus)} × {gpu.id} have "
                f"{_bytes(item.gpus * gpu.memory_bytes)}",
                f"{self.path}.gpus", counted(item.gpus, "GPU"), f"at least {counted(least, 'GPU')}, before activations",
                "Use more GPUs, or train adapters (LoRA) instead of all weights.", ("memory_bytes", "gpus_for_memory"),
            )  # fmt: skip

    def _sharding(self, gpu: Gpu) -> None:
        """What each stage of ZeRO leaves on one GPU, and the lowest stage that fits: less is sent around than in the higher ones."""
        item = self.item
        if item.gpus is None:
            return
        formulas = (
            "16 · parameters", "(4 + 12 / gpus) · parameters", "(2 + 14 / gpus) · parameters", "16 / gpus · parameters",
        )  # fmt: skip
        kept = [zero_bytes(stage, item.parameters, item.gpus) for stage in range(len(formulas))]
        for stage, (size, formula) in enumerate(zip(kept, formulas, strict=True)):
            self._fact(f"zero_{stage}_bytes_per_gpu", size, "bytes", formula, assumptions.ZERO, None,
                       parameters=item.parameters, gpus=item.gpus)  # fmt: skip
        fitting = [stage for stage, size in enumerate(kept) if size <= gpu.memory_bytes]
        if fitting:
            self._fact("zero_stage", fitting[0], "stage", "the lowest stage whose bytes_per_gpu fit, activations not counted", gpu.source,
                       gpu.as_of, gpu=gpu.id, gpu_memory_bytes=gpu.memory_bytes)  # fmt: skip

    def _time(self, flops: float, gpu: Gpu) -> None:
        item = self.item
        mfu = item.mfu
        if mfu is None:
            self.assumptions.append(assumptions.training_mfu(self.id, self.path))
            mfu = assumptions.TRAINING_MFU
        self.assumptions.append(assumptions.linear_scaling())
        one_gpu_days = flops / (gpu.half_flops * mfu) / DAY_S
        if item.gpus is not None:
            inputs: dict[str, FactValue] = {
                "flops": flops, "gpus": item.gpus, "gpu": gpu.id, "peak_flops": gpu.half_flops, "mfu": mfu,
            }  # fmt: skip
            days = one_gpu_days / item.gpus
            self._fact(
                "days",
                days,
                "days",
                "flops / (gpus · peak_flops · mfu) / 86 400",
                gpu.source,
                gpu.as_of,
                **inputs,
            )
            self._fact(
                "gpu_hours",
                one_gpu_days * 24,
                "h",
                "gpus · days · 24",
                gpu.source,
                gpu.as_of,
                gpus=item.gpus,
                days=days,
            )
        kept = 1 - self._waste()
        if kept < 1 and kept > 0 and item.gpus is not None:
            self._fact("days_with_restarts", one_gpu_days / item.gpus / kept, "days", "days / (1 − √(2 · checkpoint_minutes / (mtbf_hours · 60)))",
                       YOUNG, None, days=one_gpu_days / item.gpus, checkpoint_minutes=item.checkpoint_minutes or 0, mtbf_hours=item.mtbf_hours or 0)  # fmt: skip
        if item.deadline_days is None:
            self._missing("deadline_days", "whether it ends in time")
        elif kept > 0:  # else it never ends, and the reliability agent says so
            self._deadline(one_gpu_days / kept, item.deadline_days, gpu, kept < 1)

    def _waste(self) -> float:
        """The share of the time that checkpoints and failures cost (first order), 1 at the most; 0 where the brief does not give them."""
        item = self.item
        if item.checkpoint_minutes is None or item.mtbf_hours is None:
            return 0.0
        return min(1.0, checkpoint_waste(item.checkpoint_minutes, item.mtbf_hours * 60))

    def _deadline(self, one_gpu_days: float, deadline: float, gpu: Gpu, with_restarts: bool) -> None:
        item = self.item
        needed = max(1, ceil(one_gpu_days / deadline - SLACK))
        self._fact("gpus_for_deadline", needed, "count", f"ceil(GPU days{', restarts counted,' if with_restarts else ''} / deadline_days)", gpu.source, gpu.as_of,
                   gpu_days=one_gpu_days, deadline_days=deadline)  # fmt: skip
        if item.gpus is None:
            return
        days = "days_with_restarts" if with_restarts else "days"
        restarts = "checkpoints and restarts counted" if with_restarts else "restarts not counted"
        if item.gpus < needed:
            self._fail(
                "mlops.training.deadline",
                f"{item.name}: the run takes {counted(one_gpu_days / item.gpus, 'day')} on {number(item.gpus)} × {gpu.id}, {restarts}; the deadline is {counted(deadline, 'day')}; "
                f"{counted(needed, 'GPU')} would be needed",
                f"{self.path}.deadline_days", counted(one_gpu_days / item.gpus, "day"), f"at most {counted(deadline, 'day')}",
                f"Use {counted(needed, 'GPU')}, a faster GPU, fewer tokens, or move the deadline." if needed <= MOST_GPUS
                else f"Take fewer tokens or move the deadline: {counted(needed, 'GPU')} are more than anybody has.", (days, "gpus_for_deadline"),
            )  # fmt: skip
            return
        self.findings.append(
            make_finding(
                rule_id="mlops.training.deadline", agent=AGENT_NAME, status=Status.PASS, severity=Severity.INFO,
                title=f"{item.name}: the run ends within its deadline, {restarts}",
                resource=f"{self.path}.deadline_days", value=deadline, facts=(self._id(days),),
            )
        )  # fmt: skip

    def _id(self, name: str) -> str:
        return f"mlops.training.{self.id}.{name}"

    def _fact(
        self,
        name: str,
        value: FactValue,
        unit: str,
        formula: str,
        source: str,
        as_of: str | None,
        **inputs: FactValue,
    ) -> None:
        self.facts.append(
            Fact(
                id=self._id(name),
                value=value,
                unit=unit,
                formula=formula,
                inputs=inputs,
                source=source,
                as_of=as_of,
            )
        )

    def _missing(self, name: str, what: str, hint: str = "") -> Finding:
        finding = not_assessed(
            agent=AGENT_NAME, rule_id=f"mlops.training.{name}", missing=f"{self.path}.{name}", hint=hint,
            title=f"{self.item.name}: not reckoned for want of {name}: {what}",
        )  # fmt: skip
        self.findings.append(finding)
        return finding

    def _fail(
        self,
        rule_id: str,
        title: str,
        path: str,
        observed: str,
        expected: str,
        remedy: str,
        facts: tuple[str, ...],
    ) -> None:
        self.findings.append(
            make_finding(
                rule_id=rule_id, agent=AGENT_NAME, title=title, status=Status.FAIL, severity=Severity.HIGH, resource=path, value=observed,
                evidence=(Evidence(artefact="brief", path=path, observed=observed, expected=expected),),
                facts=tuple(self._id(name) for name in facts), assumptions=tuple(a.id for a in self.assumptions),
                remediation=Remediation(text=remedy, effort=Effort.DAYS),
            )
        )  # fmt: skip


def zero_bytes(stage: int, parameters: float, gpus: int) -> float:
    """Bytes of weights, gradients and optimiser states on each GPU under a stage of ZeRO (arXiv:1910.02054, figure 1): 0 keeps all
    on every GPU, 1 shares the 12 bytes of optimiser states, 2 also the 2 of gradients, 3 also the 2 of weights."""
    whole, shared = {0: (16, 0), 1: (4, 12), 2: (2, 14), 3: (0, 16)}[stage]
    return (whole + shared / gpus) * parameters


def _bytes(size: float) -> str:
    return quantity(size, "bytes").text
