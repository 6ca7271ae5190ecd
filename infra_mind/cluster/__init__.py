"""The only room with Ray: agent tasks, the progress actor, deployments, the local cluster."""
