environment     = "production"
zones           = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
scratch_volumes = 2
