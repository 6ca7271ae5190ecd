"""One faulty and one clean example for every rule of AWS. `kind: body` is one Terraform resource named `x`; what stands after a
line of `---` is a further one."""

from __future__ import annotations

_POLICY = 'policy = jsonencode({Statement = [{Effect = "Allow", Action = %s, Resource = %s}]})'
_GITHUB_TRUST = (
    'assume_role_policy = jsonencode({Statement = [{Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity", Principal = {Federated = '
    'aws_iam_openid_connect_provider.github.arn}, Condition = {StringEquals = {"token.actions.githubusercontent.com:%s" = "repo:acme/app:ref:refs/heads/main"}}}]})'
)
_EVERYONE = 'policy = jsonencode({Statement = [{Effect = "Allow", Principal = %s, Action = "s3:GetObject", Resource = "*"}]})'

AWS: dict[str, tuple[str, str]] = {
    "IM-AWS-S3-001": ('aws_s3_bucket: acl = "public-read"', 'aws_s3_bucket: acl = "private"'),
    "IM-AWS-S3-002": (
        'aws_s3_bucket: bucket = "b"',
        'aws_s3_bucket: bucket = "b"\n---\naws_s3_bucket_public_access_block: bucket = aws_s3_bucket.x.id',
    ),
    "IM-AWS-S3-003": (
        "aws_s3_bucket_public_access_block: block_public_acls = false",
        "aws_s3_bucket_public_access_block: block_public_acls = true\nblock_public_policy = true\nignore_public_acls = true\nrestrict_public_buckets = true",
    ),
    "IM-AWS-S3-004": (
        'aws_s3_bucket: bucket = "b"',
        'aws_s3_bucket: bucket = "b"\n---\naws_s3_bucket_server_side_encryption_configuration: bucket = aws_s3_bucket.x.bucket',
    ),
    "IM-AWS-S3-005": (
        'aws_s3_bucket: bucket = "b"\nversioning {\nenabled = false\n}',
        'aws_s3_bucket: bucket = "b"\n---\naws_s3_bucket_versioning: bucket = aws_s3_bucket.x.id\nversioning_configuration {\nstatus = "Enabled"\n}',
    ),
    "IM-AWS-S3-006": (
        'aws_s3_bucket: bucket = "b"',
        'aws_s3_bucket: bucket = "b"\n---\naws_s3_bucket_logging: bucket = "b"',
    ),
    "IM-AWS-S3-007": ("aws_s3_bucket: force_destroy = true", "aws_s3_bucket: force_destroy = false"),
    "IM-AWS-EBS-001": ("aws_ebs_volume: size = 1", "aws_ebs_volume: encrypted = true"),
    "IM-AWS-EBS-002": (
        'aws_instance: ami = "ami-1"\nroot_block_device {\nvolume_size = 8\n}',
        'aws_instance: ami = "ami-1"\nroot_block_device {\nencrypted = true\n}',
    ),
    "IM-AWS-EBS-003": (
        'aws_ebs_snapshot_block_public_access: state = "unblocked"',
        'aws_ebs_snapshot_block_public_access: state = "block-all-sharing"',
    ),
    "IM-AWS-EFS-001": ('aws_efs_file_system: creation_token = "a"', "aws_efs_file_system: encrypted = true"),
    "IM-AWS-EFS-002": (
        "aws_efs_file_system: encrypted = true",
        "aws_efs_file_system: encrypted = true\n---\naws_efs_backup_policy: file_system_id = aws_efs_file_system.x.id",
    ),
    "IM-AWS-SQS-001": ("aws_sqs_queue: sqs_managed_sse_enabled = false", 'aws_sqs_queue: name = "q"'),
    "IM-AWS-SNS-001": ('aws_sns_topic: name = "t"', 'aws_sns_topic: kms_master_key_id = "alias/aws/sns"'),
    "IM-AWS-KINESIS-001": ('aws_kinesis_stream: name = "s"', 'aws_kinesis_stream: encryption_type = "KMS"'),
    "IM-AWS-DYNAMODB-001": (
        'aws_dynamodb_table: name = "t"',
        "aws_dynamodb_table: server_side_encryption {\nenabled = true\n}",
    ),
    "IM-AWS-DYNAMODB-002": (
        "aws_dynamodb_table: point_in_time_recovery {\nenabled = false\n}",
        "aws_dynamodb_table: point_in_time_recovery {\nenabled = true\n}",
    ),
    "IM-AWS-ECR-001": (
        'aws_ecr_repository: name = "r"',
        'aws_ecr_repository: image_tag_mutability = "IMMUTABLE"',
    ),
    "IM-AWS-ECR-002": (
        'aws_ecr_repository: name = "r"',
        "aws_ecr_repository: image_scanning_configuration {\nscan_on_push = true\n}",
    ),
    "IM-AWS-KMS-001": ('aws_kms_key: description = "k"', "aws_kms_key: enable_key_rotation = true"),
    "IM-AWS-RDS-001": (
        "aws_db_instance: publicly_accessible = true",
        "aws_db_instance: publicly_accessible = false",
    ),
    "IM-AWS-RDS-002": (
        'aws_rds_cluster: engine = "aurora-mysql"',
        "aws_rds_cluster: storage_encrypted = true",
    ),
    "IM-AWS-RDS-003": (
        "aws_db_instance: backup_retention_period = 1",
        "aws_db_instance: backup_retention_period = 14",
    ),
    "IM-AWS-RDS-004": (
        "aws_db_instance: deletion_protection = false",
        "aws_db_instance: deletion_protection = true",
    ),
    "IM-AWS-RDS-005": ("aws_db_instance: multi_az = false", "aws_db_instance: multi_az = true"),
    "IM-AWS-RDS-006": (
        'aws_db_instance: engine = "mysql"',
        'aws_db_instance: enabled_cloudwatch_logs_exports = ["error"]',
    ),
    "IM-AWS-RDS-007": (
        "aws_db_instance: skip_final_snapshot = true",
        "aws_db_instance: skip_final_snapshot = false",
    ),
    "IM-AWS-REDSHIFT-001": (
        "aws_redshift_cluster: publicly_accessible = true",
        "aws_redshift_cluster: publicly_accessible = false",
    ),
    "IM-AWS-REDSHIFT-002": (
        "aws_redshift_cluster: encrypted = false",
        "aws_redshift_cluster: encrypted = true",
    ),
    "IM-AWS-CACHE-001": (
        'aws_elasticache_replication_group: description = "c"',
        "aws_elasticache_replication_group: at_rest_encryption_enabled = true",
    ),
    "IM-AWS-CACHE-002": (
        'aws_elasticache_replication_group: description = "c"',
        "aws_elasticache_replication_group: transit_encryption_enabled = true",
    ),
    "IM-AWS-SEARCH-001": (
        'aws_opensearch_domain: domain_name = "d"',
        "aws_opensearch_domain: encrypt_at_rest {\nenabled = true\n}",
    ),
    "IM-AWS-SEARCH-002": (
        'aws_elasticsearch_domain: domain_name = "d"',
        "aws_elasticsearch_domain: domain_endpoint_options {\nenforce_https = true\n}",
    ),
    "IM-AWS-SG-001": (
        'aws_security_group_rule: type = "ingress"\nprotocol = "-1"\nfrom_port = 0\nto_port = 0\ncidr_blocks = ["0.0.0.0/0"]',
        'aws_security_group_rule: type = "ingress"\nprotocol = "-1"\nfrom_port = 0\nto_port = 0\ncidr_blocks = ["10.0.0.0/8"]',
    ),
    "IM-AWS-SG-002": (
        'aws_vpc_security_group_ingress_rule: ip_protocol = "tcp"\nfrom_port = 20\nto_port = 25\ncidr_ipv4 = "0.0.0.0/0"',
        'aws_security_group: ingress {\nprotocol = "tcp"\nfrom_port = 443\nto_port = 443\ncidr_blocks = ["0.0.0.0/0"]\n}',
    ),
    "IM-AWS-SG-003": (
        'aws_security_group: ingress {\nprotocol = "tcp"\nfrom_port = 5432\nto_port = 5432\nipv6_cidr_blocks = ["::/0"]\n}',
        'aws_security_group: ingress {\nprotocol = "tcp"\nfrom_port = 5432\nto_port = 5432\ncidr_blocks = ["10.0.0.0/16"]\n}',
    ),
    "IM-AWS-SG-004": (
        'aws_vpc: cidr_block = "10.0.0.0/16"',
        'aws_vpc: cidr_block = "10.0.0.0/16"\n---\naws_default_security_group: vpc_id = aws_vpc.x.id',
    ),
    "IM-AWS-NACL-001": (
        'aws_network_acl: ingress {\naction = "allow"\nprotocol = "tcp"\nfrom_port = 22\nto_port = 22\ncidr_block = "0.0.0.0/0"\n}',
        'aws_network_acl: ingress {\naction = "deny"\nprotocol = "tcp"\nfrom_port = 22\nto_port = 22\ncidr_block = "0.0.0.0/0"\n}',
    ),
    "IM-AWS-LB-001": (
        'aws_lb_listener: port = 80\nprotocol = "HTTP"\ndefault_action {\ntype = "forward"\n}',
        'aws_lb_listener: port = 80\nprotocol = "HTTP"\ndefault_action {\ntype = "redirect"\nredirect {\nprotocol = "HTTPS"\nstatus_code = "HTTP_301"\n}\n}',
    ),
    "IM-AWS-LB-002": (
        'aws_lb_listener: protocol = "HTTPS"\nssl_policy = "ELBSecurityPolicy-2016-08"',
        'aws_lb_listener: protocol = "HTTPS"\nssl_policy = "ELBSecurityPolicy-TLS13-1-2-2021-06"',
    ),
    "IM-AWS-LB-003": ("aws_lb: internal = false", "aws_lb: internal = true"),
    "IM-AWS-LB-004": ('aws_lb: name = "l"', 'aws_lb: access_logs {\nbucket = "b"\nenabled = true\n}'),
    "IM-AWS-LB-005": ('aws_lb: name = "l"', "aws_lb: enable_deletion_protection = true"),
    "IM-AWS-ELB-001": (
        'aws_elb: listener {\nlb_protocol = "http"\n}',
        'aws_elb: listener {\nlb_protocol = "https"\n}',
    ),
    "IM-AWS-CDN-001": (
        'aws_cloudfront_distribution: default_cache_behavior {\nviewer_protocol_policy = "allow-all"\n}',
        'aws_cloudfront_distribution: default_cache_behavior {\nviewer_protocol_policy = "https-only"\n}',
    ),
    "IM-AWS-CDN-002": (
        "aws_cloudfront_distribution: viewer_certificate {\ncloudfront_default_certificate = true\n}",
        'aws_cloudfront_distribution: viewer_certificate {\nminimum_protocol_version = "TLSv1.2_2021"\n}',
    ),
    "IM-AWS-SUBNET-001": (
        "aws_subnet: map_public_ip_on_launch = true",
        "aws_subnet: map_public_ip_on_launch = false",
    ),
    "IM-AWS-EC2-001": (
        "aws_instance: associate_public_ip_address = true",
        "aws_instance: associate_public_ip_address = false",
    ),
    "IM-AWS-EC2-002": (
        'aws_instance: ami = "ami-1"',
        'aws_instance: metadata_options {\nhttp_tokens = "required"\n}',
    ),
    "IM-AWS-EKS-001": (
        'aws_eks_cluster: vpc_config {\nsubnet_ids = ["s"]\n}',
        'aws_eks_cluster: vpc_config {\npublic_access_cidrs = ["192.0.2.0/24"]\n}',
    ),
    "IM-AWS-EKS-002": (
        'aws_eks_cluster: name = "c"',
        'aws_eks_cluster: encryption_config {\nresources = ["secrets"]\n}',
    ),
    "IM-AWS-EKS-003": (
        'aws_eks_cluster: enabled_cluster_log_types = ["api"]',
        'aws_eks_cluster: enabled_cluster_log_types = ["api", "audit", "authenticator"]',
    ),
    "IM-AWS-IAM-001": (
        "aws_iam_policy: " + _POLICY % ('"*"', '"*"'),
        "aws_iam_policy: " + _POLICY % ('"s3:GetObject"', '"arn:aws:s3:::b/*"'),
    ),
    "IM-AWS-IAM-002": (
        'data "aws_iam_policy_document" "x" {\nstatement {\nactions = ["s3:*"]\nresources = ["*"]\n}\n}',
        'data "aws_iam_policy_document" "x" {\nstatement {\nactions = ["s3:*"]\nresources = ["arn:aws:s3:::b"]\n}\n}',
    ),
    "IM-AWS-IAM-003": (
        "aws_iam_role_policy: " + _POLICY % ('["iam:PutRolePolicy"]', '["*"]'),
        "aws_iam_role_policy: " + _POLICY % ('["iam:GetRole"]', '["*"]'),
    ),
    "IM-AWS-IAM-004": (
        'aws_iam_role: assume_role_policy = jsonencode({Statement = {Effect = "Allow", Principal = {AWS = "*"}, Action = "sts:AssumeRole"}})',
        'aws_iam_role: assume_role_policy = jsonencode({Statement = {Effect = "Allow", Principal = {Service = "ec2.amazonaws.com"}, Action = "sts:AssumeRole"}})',
    ),
    "IM-AWS-IAM-009": (
        "aws_iam_role: " + _GITHUB_TRUST % "aud",
        "aws_iam_role: " + _GITHUB_TRUST % "sub",
    ),
    "IM-AWS-IAM-005": (
        "aws_s3_bucket_policy: " + _EVERYONE % '"*"',
        "aws_s3_bucket_policy: " + _EVERYONE % '{AWS = "arn:aws:iam::123456789012:root"}',
    ),
    "IM-AWS-IAM-006": (
        'aws_iam_role_policy_attachment: policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"',
        'aws_iam_role_policy_attachment: policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"',
    ),
    "IM-AWS-IAM-007": (
        'aws_iam_access_key: user = "u"',
        'aws_iam_access_key: user = "u"\nstatus = "Inactive"',
    ),
    "IM-AWS-IAM-008": (
        'aws_iam_policy_attachment: users = ["u"]',
        'aws_iam_policy_attachment: roles = ["r"]',
    ),
    "IM-AWS-LAMBDA-001": (
        'aws_lambda_function_url: authorization_type = "NONE"',
        'aws_lambda_permission: principal = "s3.amazonaws.com"',
    ),
    "IM-AWS-LAMBDA-002": (
        'aws_lambda_function: runtime = "python3.12"',
        'aws_lambda_function: tracing_config {\nmode = "Active"\n}',
    ),
    "IM-AWS-TRAIL-001": ('aws_cloudtrail: name = "t"', "aws_cloudtrail: is_multi_region_trail = true"),
    "IM-AWS-TRAIL-002": ('aws_cloudtrail: name = "t"', "aws_cloudtrail: enable_log_file_validation = true"),
    "IM-AWS-TRAIL-003": ('aws_cloudtrail: name = "t"', "aws_cloudtrail: kms_key_id = aws_kms_key.k.arn"),
    "IM-AWS-TRAIL-004": ("aws_cloudtrail: enable_logging = false", 'aws_cloudtrail: name = "t"'),
    "IM-AWS-VPC-001": (
        'aws_vpc: cidr_block = "10.0.0.0/16"',
        'aws_vpc: cidr_block = "10.0.0.0/16"\n---\naws_flow_log: vpc_id = aws_vpc.x.id',
    ),
    "IM-AWS-LOG-001": (
        "aws_cloudwatch_log_group: retention_in_days = 7",
        "aws_cloudwatch_log_group: retention_in_days = 90",
    ),
    "IM-AWS-ECS-001": (
        'aws_ecs_task_definition: container_definitions = jsonencode([{name = "a", privileged = true}])',
        'aws_ecs_task_definition: container_definitions = jsonencode([{name = "a"}])',
    ),
    "IM-AWS-ECS-002": (
        'aws_ecs_cluster: name = "c"',
        'aws_ecs_cluster: setting {\nname = "containerInsights"\nvalue = "enabled"\n}',
    ),
    "IM-AWS-ML-001": (
        'aws_sagemaker_notebook_instance: name = "n"',
        'aws_sagemaker_notebook_instance: direct_internet_access = "Disabled"',
    ),
    "IM-AWS-ML-002": (
        'aws_sagemaker_endpoint_configuration: name = "n"',
        'aws_sagemaker_endpoint_configuration: kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/a"',
    ),
    "IM-AWS-ML-003": (
        'aws_sagemaker_notebook_instance: name = "n"',
        'aws_sagemaker_notebook_instance: root_access = "Disabled"',
    ),
    "IM-AWS-AMI-001": (
        'aws_ami_launch_permission: group = "all"',
        'aws_ami_launch_permission: account_id = "123456789012"',
    ),
    "IM-AWS-MQ-001": (
        "aws_mq_broker: publicly_accessible = true",
        "aws_mq_broker: publicly_accessible = false",
    ),
    "IM-AWS-GUARD-001": ("aws_guardduty_detector: enable = false", "aws_guardduty_detector: enable = true"),
    "IM-TF-SECRET-001": (
        'provider "aws" {\naccess_key = "AKIAQWERTYUIOPASDFGH"\n}',
        'provider "aws" {\nregion = "eu-west-1"\n}',
    ),
    "IM-TF-SECRET-002": (
        'aws_instance: user_data = "export KEY=AKIAQWERTYUIOPASDFGH"',
        'aws_instance: user_data = "echo hello"',
    ),
    "IM-TF-SECRET-003": (
        'aws_lambda_function: environment {\nvariables = {\nDB_PASSWORD = "s3cr3t-Pa55"\n}\n}',
        'aws_lambda_function: environment {\nvariables = {\nDB_HOST = "db.internal"\n}\n}',
    ),
    "IM-TF-SECRET-004": (
        'aws_db_instance: password = "s3cr3t-Pa55"',
        'aws_db_instance: password = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"',
    ),
    "IM-TF-SECRET-005": (
        'aws_ssm_parameter: value = "AKIAQWERTYUIOPASDFGH"',
        'aws_ssm_parameter: value = "d41d8cd98f00b204e9800998ecf8427e"',
    ),
    "IM-TF-SECRET-006": (
        'aws_secretsmanager_secret_version: secret_string = "s3cr3t-Pa55"',
        "aws_secretsmanager_secret_version: secret_string = random_password.p.result",
    ),
    "IM-TF-MODULE-001": (
        'module "m" {\nsource = "terraform-aws-modules/vpc/aws"\n}',
        'module "m" {\nsource = "terraform-aws-modules/vpc/aws"\nversion = "5.1.0"\n}',
    ),
    "IM-TF-MODULE-002": (
        'module "m" {\nsource = "git::https://example.com/a.git?ref=v1"\n}',
        f'module "m" {{\nsource = "git::https://example.com/a.git?ref={"a1" * 20}"\n}}',
    ),
    "IM-TF-MODULE-003": (
        'module "m" {\nsource = "git::http://example.com/a.git?ref=v1"\n}',
        'module "m" {\nsource = "git::https://example.com/a.git?ref=v1"\n}',
    ),
    "IM-TF-PROVIDER-001": (
        'terraform {\nrequired_providers {\naws = {\nsource = "hashicorp/aws"\n}\n}\n}',
        'terraform {\nrequired_providers {\naws = {\nsource = "hashicorp/aws"\nversion = "~> 5.0"\n}\n}\n}',
    ),
}
