resource "aws_backup_vault" "main" {
  name        = "${local.name}-vault"
  kms_key_arn = aws_kms_key.notes.arn
}

resource "aws_backup_plan" "daily" {
  name = "${local.name}-daily"

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.main.name
    schedule          = "cron(0 3 * * ? *)"

    lifecycle {
      delete_after = 35
    }
  }
}

resource "aws_backup_selection" "patients" {
  name         = "patients"
  plan_id      = aws_backup_plan.daily.id
  iam_role_arn = aws_iam_role.ingest.arn
  resources    = [aws_db_instance.patients.arn, aws_dynamodb_table.consents.arn]
}
