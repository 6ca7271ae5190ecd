resource "aws_wafv2_web_acl" "assistant" {
  name  = "${local.name}-waf"
  scope = "REGIONAL"

  default_action {
<<<<<<< HEAD
    allow {}
=======
    block {}
>>>>>>> waf-strict
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "assistant"
    sampled_requests_enabled   = true
  }
}
