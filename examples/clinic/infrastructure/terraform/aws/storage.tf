module "notes_bucket" {
  source = "../modules/encrypted-bucket"

  name        = "northgate-${local.name}-notes"
  kms_key_arn = aws_kms_key.notes.arn
}

module "audit_bucket" {
  source = "../modules/encrypted-bucket"

  name           = "northgate-${local.name}-audit"
  kms_key_arn    = aws_kms_key.notes.arn
  retention_days = 2190
}

# Discharge letters that the hospital portal embeds by URL.
resource "aws_s3_bucket" "letters" {
  bucket        = "northgate-clinic-letters"
  force_destroy = true
}

resource "aws_s3_bucket_acl" "letters" {
  bucket = aws_s3_bucket.letters.id
  acl    = "public-read"
}

resource "aws_s3_bucket_public_access_block" "letters" {
  bucket                  = aws_s3_bucket.letters.id
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_policy" "letters" {
  bucket = aws_s3_bucket.letters.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Portal"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["s3:GetObject"]
      Resource  = "arn:aws:s3:::northgate-clinic-letters/*"
    }]
  })
}

resource "aws_dynamodb_table" "sessions" {
  name         = "${local.name}-sessions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "session_id"

  attribute {
    name = "session_id"
    type = "S"
  }
}

resource "aws_dynamodb_table" "consents" {
  name                        = "${local.name}-consents"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "patient_id"
  deletion_protection_enabled = true

  attribute {
    name = "patient_id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.notes.arn
  }
}

resource "aws_efs_file_system" "models" {
  creation_token = "${local.name}-models"
  encrypted      = true
  kms_key_id     = aws_kms_key.notes.arn
}

resource "aws_efs_file_system" "ocr_inbox" {
  creation_token = "${local.name}-ocr-inbox"
}
