"""This project beside the design it replaces (FastAPI + Celery + Redis), in one run on one machine: `python -m bench --help`."""
