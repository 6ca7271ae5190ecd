terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.60"
    }
    random = {
      source = "hashicorp/random"
    }
  }

  backend "s3" {
    bucket         = "northgate-clinic-tfstate"
    key            = "assistant/terraform.tfstate"
    region         = "eu-west-1"
    encrypt        = true
    dynamodb_table = "northgate-clinic-tflock"
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}

# Imaging still lives in the old account until the PACS migration is through.
provider "aws" {
  alias      = "imaging"
  region     = "eu-central-1"
  access_key = "AKIAIOSFODNN7EXAMPLE"
  secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
}
