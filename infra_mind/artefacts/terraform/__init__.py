"""Terraform: reading the files, resolving what they alone decide, and naming what they do not."""

from infra_mind.artefacts.terraform.reader import parse, resolve

__all__ = ["parse", "resolve"]
