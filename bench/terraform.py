"""`python -m bench.terraform`: how the time of an assessment grows with the files of a Terraform folder.

The folders are generated, the same ones every time: stacks of ten files each, with variables, locals, counts, a module of their own, policies
and references, and no two files alike. `--write FOLDER` only writes one, with a brief, for runs of one's own."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra_mind.artefacts.inventory import build_inventory
from infra_mind.model.inventory import Artefact

SIZES = (250, 500, 1_000, 2_000)
FILES_OF_A_STACK = 10
BRIEF = """\
name: {files} Terraform files
hosting: {{provider: aws, region: eu-central-1}}
artefacts: infrastructure
"""


def folder(files: int) -> Iterator[tuple[str, str]]:
    """Paths and texts of a generated folder."""
    for number in range(files):
        stack, nth = divmod(number, FILES_OF_A_STACK)
        name, text = _STACK[nth]
        yield f"stack-{stack:04d}/{name}", text.replace("@", f"{stack:04d}").replace("~", str(stack % 200))


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m bench.terraform", description=__doc__)
    parser.add_argument("files", type=int, nargs="*", default=SIZES, help="how many files; 250 500 1000 2000")
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write the first one, and measure nothing"
    )
    chosen = parser.parse_args(sys.argv[1:] if words is None else words)
    if chosen.write:
        write(chosen.write, chosen.files[0])
        return 0
    _measure(chosen.files)
    return 0


def write(where: Path, files: int) -> None:
    """A brief and its folder of Terraform files."""
    for path, text in folder(files):
        target = where / "infrastructure" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (where / "brief.yaml").write_text(BRIEF.format(files=files))


def _measure(sizes: Sequence[int]) -> None:
    table = Table(title="one process")
    for column in ("files", "KiB", "resources", "inventory, s", "of the processor, s", "ms of it a file"):
        table.add_column(column, justify="right")
    build_inventory([Artefact(path=path, content=text) for path, text in folder(FILES_OF_A_STACK)])
    for files in sizes:
        artefacts = [Artefact(path=path, content=text) for path, text in folder(files)]
        wall, cpu = time.perf_counter(), time.process_time()
        found = build_inventory(artefacts)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = sum(len(a.content or "") for a in artefacts)
        table.add_row(
            str(files), f"{size / 1024:,.0f}", str(len(found.resources)), f"{wall:.2f}", f"{cpu:.2f}", f"{cpu / files * 1000:.2f}"
        )  # fmt: skip
    Console().print(table)


_STACK = (
    ("main.tf", """\
terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.0"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = local.tags
  }
}

locals {
  name = "${var.project}-@"
  tags = merge(var.tags, { Stack = "stack-@", Environment = var.environment })
}
"""),
    ("variables.tf", """\
variable "project" {
  type        = string
  description = "What the stack @ belongs to."
  default     = "project-@"
}

variable "environment" {
  type    = string
  default = "production"
  validation {
    condition     = contains(["production", "staging", "test"], var.environment)
    error_message = "One of production, staging, test."
  }
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "replicas" {
  type    = number
  default = 2
}

variable "instance_type" {
  type    = string
  default = "m5.large"
}

variable "tags" {
  type    = map(string)
  default = { Owner = "team-@", CostCenter = "cc-@" }
}
"""),
    ("network.tf", """\
resource "aws_vpc" "main" {
  cidr_block           = "10.~.0.0/16"
  enable_dns_hostnames = true
  tags                 = merge(local.tags, { Name = local.name })
}

resource "aws_subnet" "private" {
  count             = 3
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone = "${var.region}${["a", "b", "c"][count.index]}"
  tags              = merge(local.tags, { Name = "${local.name}-private-${count.index}" })
}

resource "aws_security_group" "app" {
  name        = "${local.name}-app"
  description = "Traffic of the application @"
  vpc_id      = aws_vpc.main.id

  ingress {
    description = "HTTPS from the load balancer"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.~.0.0/16"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
"""),
    ("compute.tf", """\
data "aws_ami" "linux" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-*-x86_64"]
  }
}

resource "aws_instance" "app" {
  count                  = var.replicas
  ami                    = data.aws_ami.linux.id
  instance_type          = var.instance_type
  subnet_id              = aws_subnet.private[count.index].id
  vpc_security_group_ids = [aws_security_group.app.id]
  monitoring             = true

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 40 + ~
    encrypted   = true
  }

  user_data = <<-EOT
    #!/bin/bash
    echo "stack @ in ${var.region}" > /etc/motd
    systemctl enable --now app-@
  EOT

  tags = merge(local.tags, { Name = "${local.name}-app-${count.index}" })
}
"""),
    ("storage.tf", """\
resource "aws_s3_bucket" "data" {
  for_each = toset(["raw", "curated", "models"])
  bucket   = "${local.name}-${each.key}"
  tags     = local.tags
}

resource "aws_s3_bucket_versioning" "data" {
  for_each = aws_s3_bucket.data
  bucket   = each.value.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "raw" {
  bucket                  = aws_s3_bucket.data["raw"].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = var.environment == "production" ? true : false
}

resource "aws_ebs_volume" "scratch" {
  availability_zone = "${var.region}a"
  size              = 100 + ~
  type              = "gp3"
  encrypted         = true
  tags              = { Name = "${local.name}-scratch" }
}
"""),
    ("database.tf", """\
resource "aws_db_subnet_group" "main" {
  name       = local.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_instance" "main" {
  identifier                   = local.name
  engine                       = "postgres"
  engine_version               = "16.3"
  instance_class               = "db.m6g.large"
  allocated_storage            = 100 + ~
  storage_encrypted            = true
  multi_az                     = var.environment == "production"
  backup_retention_period      = 14
  deletion_protection          = true
  performance_insights_enabled = true
  db_subnet_group_name         = aws_db_subnet_group.main.name
  vpc_security_group_ids       = [aws_security_group.app.id]
  username                     = "app_@"
  manage_master_user_password  = true
  tags                         = local.tags
}

resource "aws_elasticache_replication_group" "cache" {
  replication_group_id       = "cache-@"
  description                = "Cache of stack @"
  node_type                  = "cache.t4g.small"
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
}
"""),
    ("iam.tf", """\
data "aws_iam_policy_document" "app" {
  statement {
    sid       = "Read@"
    actions   = ["s3:GetObject", "s3:ListBucket"]
    resources = [for b in aws_s3_bucket.data : b.arn]
  }
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:aws:logs:${var.region}:*:log-group:/app/@:*"]
  }
}

resource "aws_iam_role" "app" {
  name = "${local.name}-app"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "app" {
  name   = "app-@"
  role   = aws_iam_role.app.id
  policy = data.aws_iam_policy_document.app.json
}
"""),
    ("queue/main.tf", """\
variable "name" {
  type = string
}

variable "retention" {
  type    = number
  default = 345600
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead-@"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  message_retention_seconds  = var.retention
  visibility_timeout_seconds = 30 + ~
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

output "url" {
  value = aws_sqs_queue.this.url
}
"""),
    ("queues.tf", """\
module "jobs" {
  source = "./queue"
  name   = "${local.name}-jobs"
}

module "events" {
  source    = "./queue"
  for_each  = { orders = 86400, mails = 3600 }
  name      = "${local.name}-${each.key}"
  retention = each.value
}

resource "aws_cloudwatch_metric_alarm" "backlog" {
  alarm_name          = "${local.name}-backlog"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  comparison_operator = "GreaterThanThreshold"
  statistic           = "Maximum"
  threshold           = 1000 + ~
  period              = 300
  evaluation_periods  = 2
  dimensions          = { QueueName = "${local.name}-jobs" }
}
"""),
    ("outputs.tf", """\
output "vpc_id" {
  description = "The network of stack @."
  value       = aws_vpc.main.id
}

output "instance_ids" {
  value = [for i in aws_instance.app : i.id]
}

output "database" {
  value     = "${aws_db_instance.main.endpoint}/app_@"
  sensitive = true
}

output "queues" {
  value = { jobs = module.jobs.url, events = { for k, m in module.events : k => m.url } }
}
"""),
)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
