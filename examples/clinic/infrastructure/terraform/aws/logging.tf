resource "aws_cloudtrail" "main" {
  name                       = "${local.name}-trail"
  s3_bucket_name             = module.audit_bucket.id
  is_multi_region_trail      = false
  enable_log_file_validation = false
}

resource "aws_cloudtrail" "health_data" {
  name                          = "${local.name}-health-data"
  s3_bucket_name                = module.audit_bucket.id
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  kms_key_id                    = aws_kms_key.notes.arn

  event_selector {
    read_write_type           = "All"
    include_management_events = true

    data_resource {
      type   = "AWS::S3::Object"
      values = ["arn:aws:s3:::northgate-${local.name}-notes/"]
    }
  }
}

resource "aws_cloudwatch_log_group" "service" {
  for_each = var.log_groups

  name              = "/clinic/${each.key}"
  retention_in_days = each.value
  kms_key_id        = each.key == "ingest" ? null : aws_kms_key.notes.arn
}

resource "aws_guardduty_detector" "main" {
  enable = true
}

resource "aws_sns_topic" "alerts" {
  name              = "${local.name}-alerts"
  kms_master_key_id = aws_kms_key.notes.id
}

resource "aws_sqs_queue" "ingest" {
  name = "${local.name}-ingest"
}
