"""Rules that one piece of work mends: those about the same kind of thing, the urgent ones apart from the rest.

The security rules name the kind of thing in their id (`IM-K8S-POD-005`): whoever opens the pods' manifests for one of them mends the
others there too. Urgent and other work stay apart, so that a critical opening does not wait for a week of hardening."""

from __future__ import annotations

import re

from infra_mind.model.finding import Severity

URGENT = frozenset({Severity.CRITICAL, Severity.HIGH})
_RULE = re.compile(r"^(IM(?:-[A-Z0-9]+)+)-\d{3}$|^(CKV)2?_([A-Z0-9]+)_\d+$")
# What the rules of one kind are about, in words.
THINGS = {
    "IM-AWS-AMI": "machine images (AWS)", "IM-AWS-CACHE": "ElastiCache", "IM-AWS-CDN": "CloudFront", "IM-AWS-DYNAMODB": "DynamoDB tables",
    "IM-AWS-EBS": "EBS volumes", "IM-AWS-EC2": "EC2 instances", "IM-AWS-ECR": "ECR repositories", "IM-AWS-ECS": "ECS tasks",
    "IM-AWS-EFS": "EFS file systems", "IM-AWS-EKS": "EKS clusters", "IM-AWS-ELB": "classic load balancers", "IM-AWS-GUARD": "GuardDuty",
    "IM-AWS-IAM": "IAM policies and roles", "IM-AWS-KINESIS": "Kinesis streams", "IM-AWS-KMS": "KMS keys", "IM-AWS-LAMBDA": "Lambda functions",
    "IM-AWS-LB": "load balancers", "IM-AWS-LOG": "log groups", "IM-AWS-ML": "SageMaker", "IM-AWS-MQ": "Amazon MQ",
    "IM-AWS-NACL": "network ACLs", "IM-AWS-RDS": "RDS databases", "IM-AWS-REDSHIFT": "Redshift", "IM-AWS-S3": "S3 buckets",
    "IM-AWS-SEARCH": "OpenSearch domains", "IM-AWS-SG": "security groups", "IM-AWS-SNS": "SNS topics", "IM-AWS-SQS": "SQS queues",
    "IM-AWS-SUBNET": "subnets", "IM-AWS-TRAIL": "CloudTrail", "IM-AWS-VPC": "VPCs", "IM-AZ-ACR": "container registries",
    "IM-AZ-AKS": "AKS clusters", "IM-AZ-APP": "App Service", "IM-AZ-CACHE": "Azure Cache", "IM-AZ-COG": "Azure AI services",
    "IM-AZ-IAM": "Azure roles", "IM-AZ-LOG": "Azure logs", "IM-AZ-NET": "Azure network interfaces", "IM-AZ-NSG": "network security groups",
    "IM-AZ-SQL": "Azure databases", "IM-AZ-STORAGE": "storage accounts", "IM-AZ-VAULT": "key vaults", "IM-AZ-VM": "Azure machines",
    "IM-COMPOSE-HOST": "compose services and their host", "IM-COMPOSE-IMAGE": "compose images", "IM-COMPOSE-NET": "compose ports",
    "IM-COMPOSE-RUN": "how compose services run", "IM-COMPOSE-SECRET": "secrets in compose files", "IM-DOCKER-ADD": "files added to images",
    "IM-DOCKER-EXPOSE": "ports of images", "IM-DOCKER-FROM": "base images", "IM-DOCKER-HEALTH": "health of images",
    "IM-DOCKER-RUN": "commands of image builds", "IM-DOCKER-SECRET": "secrets in images", "IM-DOCKER-USER": "users of images",
    "IM-GCP-BQ": "BigQuery", "IM-GCP-FW": "GCP firewall", "IM-GCP-GKE": "GKE clusters", "IM-GCP-IAM": "GCP roles", "IM-GCP-KMS": "GCP keys",
    "IM-GCP-SQL": "Cloud SQL", "IM-GCP-STORAGE": "Cloud Storage buckets", "IM-GCP-VM": "Compute Engine machines", "IM-GCP-VPC": "GCP networks",
    "IM-K8S-INGRESS": "ingresses", "IM-K8S-NET": "network policies", "IM-K8S-NS": "namespaces", "IM-K8S-POD": "pods", "IM-K8S-RBAC": "Kubernetes roles",
    "IM-K8S-SECRET": "secrets in manifests", "IM-K8S-SVC": "Kubernetes services", "IM-TF-MODULE": "Terraform modules",
    "IM-TF-PROVIDER": "Terraform providers", "IM-TF-SECRET": "secrets in Terraform", "IM-AWS-API": "API Gateway", "IM-AWS-ATHENA": "Athena",
    "IM-AWS-BUILD": "CodeBuild", "IM-AWS-CONFIG": "AWS Config", "IM-AWS-DAX": "DynamoDB caches", "IM-AWS-EMR": "EMR", "IM-AWS-GLUE": "Glue",
    "IM-AWS-KEY": "keys of one's own (AWS)", "IM-AWS-MSK": "Kafka clusters (AWS)", "IM-AWS-TRANSFER": "Transfer servers", "IM-AWS-WORKSPACE": "WorkSpaces",
    "IM-AZ-COSMOS": "Cosmos DB", "IM-AZ-DEFENDER": "Defender for Cloud", "IM-AZ-DISK": "managed disks", "IM-AZ-FACTORY": "data factories",
    "IM-AZ-LAKE": "data lakes", "IM-AZ-SYNAPSE": "Synapse", "IM-AZ-TLS": "TLS of Azure services", "IM-GCP-CACHE": "Memorystore", "IM-GCP-DNS": "Cloud DNS",
    "IM-GCP-LOG": "GCP audit logs", "IM-GCP-ML": "Vertex AI", "IM-GCP-TLS": "TLS of GCP load balancers",
}  # fmt: skip


def kind_of(rule_id: str) -> str:
    """`IM-K8S-POD-005` → `IM-K8S-POD`, `CKV2_AWS_6` → `CKV_AWS`; the rule itself where its id names no kind."""
    found = _RULE.match(rule_id)
    return found[1] or f"{found[2]}_{found[3]}" if found else rule_id


def remedy_of(rule_id: str, severity: Severity) -> str:
    """The piece of work that mends a finding: `IM-K8S-POD.urgent`, `IM-K8S-POD.hardening`, or the rule where it stands alone."""
    kind = kind_of(rule_id)
    if kind == rule_id:
        return rule_id
    return f"{kind}.{'urgent' if severity in URGENT else 'hardening'}"


def thing_of(rule_id: str) -> str:
    """What a rule is about, in words; its kind where nobody wrote any."""
    kind = kind_of(rule_id)
    return f"what Checkov checks ({kind})" if kind.startswith("CKV_") else THINGS.get(kind, kind)
