resource "aws_eks_cluster" "inference" {
  name     = "${local.name}-inference"
  role_arn = aws_iam_role.eks.arn
  version  = "1.30"

  enabled_cluster_log_types = ["api"]

  vpc_config {
    subnet_ids              = aws_subnet.gpu[*].id
    endpoint_public_access  = true
    endpoint_private_access = false
    public_access_cidrs     = ["0.0.0.0/0"]
  }
}

resource "aws_eks_cluster" "training" {
  name     = "${local.name}-training"
  role_arn = aws_iam_role.eks.arn
  version  = "1.30"

  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  vpc_config {
    subnet_ids              = aws_subnet.gpu[*].id
    endpoint_public_access  = false
    endpoint_private_access = true
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = aws_kms_key.notes.arn
    }
  }
}

resource "aws_eks_node_group" "gpu" {
  cluster_name    = aws_eks_cluster.inference.name
  node_group_name = "gpu"
  node_role_arn   = aws_iam_role.eks.arn
  subnet_ids      = aws_subnet.gpu[*].id
  instance_types  = ["p5.48xlarge"]

  scaling_config {
    min_size     = 1
    desired_size = 1
    max_size     = 2
  }

  launch_template {
    id      = aws_launch_template.gpu.id
    version = aws_launch_template.gpu.latest_version
  }
}

resource "aws_eks_node_group" "general" {
  cluster_name    = aws_eks_cluster.inference.name
  node_group_name = "general"
  node_role_arn   = aws_iam_role.eks.arn
  subnet_ids      = aws_subnet.gpu[*].id
  instance_types  = ["m5.xlarge"]

  scaling_config {
    min_size     = 3
    desired_size = 3
    max_size     = 6
  }
}
