resource "aws_db_subnet_group" "private" {
  name       = "${local.name}-private"
  subnet_ids = module.vpc.private_subnets
}

resource "aws_db_instance" "patients" {
  identifier                          = "${local.name}-patients"
  engine                              = "postgres"
  engine_version                      = "16.4"
  instance_class                      = "db.r6g.xlarge"
  allocated_storage                   = 500
  storage_type                        = "gp3"
  storage_encrypted                   = true
  kms_key_id                          = aws_kms_key.notes.arn
  multi_az                            = local.is_production
  username                            = "clinic"
  password                            = var.patients_password
  db_subnet_group_name                = aws_db_subnet_group.private.name
  vpc_security_group_ids              = [aws_security_group.patients_db.id]
  publicly_accessible                 = false
  backup_retention_period             = 35
  copy_tags_to_snapshot               = true
  deletion_protection                 = true
  skip_final_snapshot                 = false
  final_snapshot_identifier           = "${local.name}-patients-final"
  auto_minor_version_upgrade          = true
  iam_database_authentication_enabled = true
  performance_insights_enabled        = true
  performance_insights_kms_key_id     = aws_kms_key.notes.arn
  enabled_cloudwatch_logs_exports     = ["postgresql", "upgrade"]
}

resource "aws_db_instance" "reporting" {
  identifier              = "${local.name}-reporting"
  engine                  = "postgres"
  engine_version          = "13.7"
  instance_class          = "db.m5.large"
  allocated_storage       = 200
  storage_encrypted       = false
  multi_az                = false
  username                = "reporting"
  password                = var.reporting_password
  vpc_security_group_ids  = [aws_security_group.reporting_db.id]
  publicly_accessible     = true
  backup_retention_period = 0
  deletion_protection     = false
  skip_final_snapshot     = true
}

resource "aws_elasticache_replication_group" "cache" {
  replication_group_id       = "${local.name}-cache"
  description                = "Prompt and session cache"
  engine                     = "redis"
  node_type                  = "cache.r6g.large"
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  at_rest_encryption_enabled = true
  transit_encryption_enabled = false
}
