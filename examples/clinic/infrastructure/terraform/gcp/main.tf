# Speech-to-text pilot of the dictation team.
terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 5.40"
    }
  }
}

variable "project" {
  type    = string
  default = "northgate-dictation"
}

provider "google" {
  project = var.project
  region  = "europe-west1"
}

resource "google_storage_bucket" "audio" {
  name                        = "${var.project}-audio"
  location                    = "EU"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  encryption {
    default_kms_key_name = "projects/${var.project}/locations/eu/keyRings/dictation/cryptoKeys/audio"
  }
}

resource "google_storage_bucket" "samples" {
  name     = "${var.project}-samples"
  location = "EU"
}

resource "google_storage_bucket_iam_member" "samples" {
  bucket = google_storage_bucket.samples.name
  role   = "roles/storage.objectViewer"
  member = "allUsers"
}

resource "google_compute_firewall" "ssh" {
  name          = "allow-ssh"
  network       = "default"
  direction     = "INGRESS"
  source_ranges = ["0.0.0.0/0"]

  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

resource "google_compute_firewall" "internal" {
  name          = "allow-internal"
  network       = "default"
  direction     = "INGRESS"
  source_ranges = ["10.128.0.0/9"]

  allow {
    protocol = "tcp"
    ports    = ["443", "8443"]
  }
}

resource "google_sql_database_instance" "dictation" {
  name                = "dictation"
  database_version    = "POSTGRES_16"
  region              = "europe-west1"
  deletion_protection = false

  settings {
    tier              = "db-custom-2-7680"
    availability_type = "ZONAL"

    ip_configuration {
      ipv4_enabled = true
      ssl_mode     = "ALLOW_UNENCRYPTED_AND_ENCRYPTED"

      authorized_networks {
        name  = "all"
        value = "0.0.0.0/0"
      }
    }

    backup_configuration {
      enabled = false
    }
  }
}

resource "google_compute_instance" "transcriber" {
  name         = "transcriber"
  machine_type = "g2-standard-8"
  zone         = "europe-west1-b"

  boot_disk {
    initialize_params {
      image = "debian-cloud/debian-12"
    }
  }

  network_interface {
    network = "default"
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  metadata = {
    block-project-ssh-keys = "true"
  }
}

resource "google_project_iam_member" "dictation" {
  project = var.project
  role    = "roles/owner"
  member  = "group:dictation@northgate-clinic.example"
}
