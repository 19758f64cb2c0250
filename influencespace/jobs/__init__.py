"""Long work as local processes of their own: submitted, watched, cancelled, and outliving the page that started them."""

from influencespace.jobs.local import active, cancel, decided, jobs, log, log_file, submit
from influencespace.jobs.store import Job

__all__ = ["Job", "active", "cancel", "decided", "jobs", "log", "log_file", "submit"]
