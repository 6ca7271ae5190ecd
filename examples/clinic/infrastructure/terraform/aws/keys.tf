resource "aws_kms_key" "notes" {
  description             = "Patient notes, databases and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_key" "letters" {
  description             = "Discharge letters"
  deletion_window_in_days = 7
}

resource "aws_secretsmanager_secret" "patients_db" {
  name       = "${local.name}/patients-db"
  kms_key_id = aws_kms_key.notes.arn
}

resource "aws_secretsmanager_secret_version" "patients_db" {
  secret_id     = aws_secretsmanager_secret.patients_db.id
  secret_string = jsonencode({ username = "clinic", password = var.patients_password })
}
