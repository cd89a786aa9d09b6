"""The JSON API of jobs under /api/jobs: what the dashboard shows and does, for programs."""
