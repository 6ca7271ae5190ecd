"""Webhooks: the end of a task is told to whoever asked for it, signed, from an outbox in the store."""
