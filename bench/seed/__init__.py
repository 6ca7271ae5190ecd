"""The design that this project replaces, built again for the comparison: FastAPI, Celery 5 and a server of the Redis protocol."""
