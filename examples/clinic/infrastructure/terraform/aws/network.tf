module "vpc" {
  source  = "terraform-aws-modules/vpc/aws"
  version = "5.8.1"

  name            = local.name
  cidr            = var.vpc_cidr
  azs             = var.zones
  private_subnets = ["10.40.0.0/20", "10.40.16.0/20", "10.40.32.0/20"]
  public_subnets  = ["10.40.48.0/24", "10.40.49.0/24", "10.40.50.0/24"]

  enable_nat_gateway = true
}

resource "aws_subnet" "gpu" {
  count = length(var.zones)

  vpc_id            = module.vpc.vpc_id
  cidr_block        = local.gpu_cidrs[count.index]
  availability_zone = var.zones[count.index]

  tags = {
    Name = "${local.name}-gpu-${count.index}"
  }
}

resource "aws_flow_log" "vpc" {
  vpc_id               = module.vpc.vpc_id
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = module.audit_bucket.arn
}

resource "aws_security_group" "load_balancer" {
  name        = "${local.name}-alb"
  description = "Public entry of the assistant"
  vpc_id      = module.vpc.vpc_id

  dynamic "ingress" {
    for_each = local.open_web_ports

    content {
      description = ingress.key
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }

  egress {
    description = "To the API"
    from_port   = 8080
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = [var.vpc_cidr]
  }
}

resource "aws_security_group" "bastion" {
  name        = "${local.name}-bastion"
  description = "SSH for the on-call engineer"
  vpc_id      = module.vpc.vpc_id

  ingress {
    description = "SSH"
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = var.admin_cidrs
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "patients_db" {
  name        = "${local.name}-patients-db"
  description = "PostgreSQL from inside the VPC"
  vpc_id      = module.vpc.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "patients_db" {
  security_group_id = aws_security_group.patients_db.id
  description       = "API and ingest"
  from_port         = 5432
  to_port           = 5432
  ip_protocol       = "tcp"
  cidr_ipv4         = var.vpc_cidr
}

resource "aws_security_group" "reporting_db" {
  name        = "${local.name}-reporting-db"
  description = "Power BI gateway"
  vpc_id      = module.vpc.vpc_id
}

resource "aws_security_group_rule" "reporting_db" {
  type              = "ingress"
  security_group_id = aws_security_group.reporting_db.id
  from_port         = 5432
  to_port           = 5432
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
  ipv6_cidr_blocks  = ["::/0"]
}

resource "aws_default_security_group" "closed" {
  vpc_id = module.vpc.vpc_id
}
