"""Terraform plans as JSON (`terraform show -json`): what will be there after apply, with the values that files alone do not tell."""

from infra_mind.artefacts.plan.document import is_log, is_plan, load, without_state
from infra_mind.artefacts.plan.plan import Plan
from infra_mind.artefacts.plan.reader import read

__all__ = ["Plan", "is_log", "is_plan", "load", "read", "without_state"]
