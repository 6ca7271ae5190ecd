resource "aws_lambda_function" "summarise" {
  function_name = "${local.name}-summarise"
  role          = aws_iam_role.ingest.arn
  runtime       = "python3.12"
  handler       = "summarise.handler"
  filename      = "summarise.zip"
  timeout       = 60

  environment {
    variables = {
      MODEL          = "gpt-5"
      OPENAI_API_KEY = "sk-proj-EXAMPLEexampleEXAMPLEexample0000EXAMPLEexampleEX"
      DB_PASSWORD    = "Example-Not-A-Real-Password-1"
    }
  }
}

resource "aws_lambda_function" "deidentify" {
  function_name                  = "${local.name}-deidentify"
  role                           = aws_iam_role.ingest.arn
  runtime                        = "python3.12"
  handler                        = "deidentify.handler"
  filename                       = "deidentify.zip"
  timeout                        = 30
  reserved_concurrent_executions = 20
  kms_key_arn                    = aws_kms_key.notes.arn

  environment {
    variables = {
      SECRET_ARN = aws_secretsmanager_secret.patients_db.arn
    }
  }

  tracing_config {
    mode = "Active"
  }

  vpc_config {
    subnet_ids         = module.vpc.private_subnets
    security_group_ids = [aws_security_group.patients_db.id]
  }
}

resource "aws_lambda_permission" "summarise" {
  statement_id  = "AllowInvoke"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.summarise.function_name
  principal     = "*"
}
