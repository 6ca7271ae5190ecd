"""Generated folders of Terraform files, the same ones every time: stacks of ten files each, with variables, locals, counts, a module of their
own, policies and references, and no two files alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

FILES_OF_A_STACK = 10
BRIEF = """\
name: {files} Terraform files
hosting: {{provider: aws, region: eu-central-1}}
artefacts: infrastructure
"""


def folder(files: int) -> Iterator[tuple[str, str]]:
    """Paths and texts."""
    for number in range(files):
        stack, nth = divmod(number, FILES_OF_A_STACK)
        name, text = _STACK[nth]
        yield f"stack-{stack:04d}/{name}", text.replace("@", f"{stack:04d}").replace("~", str(stack % 200))


def write(where: Path, files: int) -> Path:
    """A brief and its folder; the brief's path."""
    for path, text in folder(files):
        target = where / "infrastructure" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    brief = where / "brief.yaml"
    brief.write_text(BRIEF.format(files=files))
    return brief


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
