variable "region" {
  description = "Region of the assistant"
  type        = string
  default     = "eu-west-1"
}

variable "environment" {
  description = "dev, staging or production"
  type        = string
  default     = "staging"
}

variable "vpc_cidr" {
  type    = string
  default = "10.40.0.0/16"
}

variable "zones" {
  description = "Availability zones of the GPU subnets"
  type        = list(string)
  default     = ["eu-west-1a", "eu-west-1b"]
}

variable "admin_cidrs" {
  description = "Networks that reach the bastion"
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "office_cidr" {
  type    = string
  default = "203.0.113.0/24"
}

variable "scratch_volumes" {
  type    = number
  default = 1
}

variable "log_groups" {
  description = "Log group -> days kept"
  type        = map(number)
  default = {
    api       = 365
    inference = 365
    ingest    = 7
  }
}

variable "images" {
  description = "ECR repository -> tag mutability"
  type        = map(string)
  default = {
    api = "IMMUTABLE"
    ocr = "MUTABLE"
  }
}

variable "reporting_password" {
  type    = string
  default = "Reporting-Example-2024"
}

# Set by the pipeline, no default on purpose.
variable "patients_password" {
  type      = string
  sensitive = true
}

variable "certificate_arn" {
  description = "ACM certificate of assistant.northgate-clinic.example"
  type        = string
}
