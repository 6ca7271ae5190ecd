data "aws_ami" "ubuntu" {
  most_recent = true
  owners      = ["099720109477"]

  filter {
    name   = "name"
    values = ["ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"]
  }
}

resource "aws_instance" "bastion" {
  ami                         = data.aws_ami.ubuntu.id
  instance_type               = "t3.small"
  subnet_id                   = module.vpc.public_subnets[0]
  associate_public_ip_address = true
  vpc_security_group_ids      = [aws_security_group.bastion.id]

  user_data = <<-EOT
    #!/bin/bash
    set -eu
    apt-get update
    apt-get install -y postgresql-client
    export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE
    export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
    aws s3 cp s3://northgate-clinic-ops/pgpass /home/ubuntu/.pgpass
  EOT

  tags = {
    Name = "${local.name}-bastion"
  }
}

resource "aws_instance" "ingest" {
  count = 2

  ami                    = data.aws_ami.ubuntu.id
  instance_type          = "m5.xlarge"
  subnet_id              = module.vpc.private_subnets[count.index]
  vpc_security_group_ids = [aws_security_group.patients_db.id]
  iam_instance_profile   = aws_iam_instance_profile.ingest.name
  monitoring             = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_size = 100
    volume_type = "gp3"
    encrypted   = true
    kms_key_id  = aws_kms_key.notes.arn
  }

  user_data = <<-EOT
    #!/bin/bash
    set -eu
    systemctl enable --now clinic-ingest
  EOT
}

resource "aws_launch_template" "gpu" {
  name_prefix = "${local.name}-gpu-"

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "optional"
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size = 500
      volume_type = "gp3"
      encrypted   = true
    }
  }
}

resource "aws_ebs_volume" "scratch" {
  count = var.scratch_volumes

  availability_zone = var.zones[count.index]
  size              = 1024
  type              = "gp3"

  tags = {
    Name = "${local.name}-scratch-${count.index}"
  }
}

resource "aws_ebs_volume" "vectors" {
  availability_zone = var.zones[0]
  size              = 500
  type              = "gp3"
  encrypted         = true
  kms_key_id        = aws_kms_key.notes.arn
}
