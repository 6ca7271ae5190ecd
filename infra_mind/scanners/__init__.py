"""Programs of others that look at the artefacts, where a machine has them: run as processes of their own, never imported."""
