"""Schedules: assessments that start by themselves, one for each due time whatever dies."""
