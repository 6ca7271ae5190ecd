locals {
  name = "clinic-${var.environment}"

  tags = {
    project     = "clinic-assistant"
    environment = var.environment
    data        = "health"
  }

  is_production = var.environment == "production"

  gpu_cidrs = [for i, zone in var.zones : cidrsubnet(var.vpc_cidr, 8, 64 + i)]

  open_web_ports = {
    https = 443
    http  = 80
  }
}
