"""How gunicorn serves Threadkeeper: `gunicorn wsgi:app`. Each number has its reason beside it."""

import os
import sys

from chat.config import Settings
from chat.errors import ConfigError
from chat.stream import worker as this_worker

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"  # noqa: S104

# A stream holds a thread while somebody reads it, and waits for the model nearly all that time.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "150"))
worker_connections = 1000

# The app is loaded in each worker: connections and threads do not survive a fork.
preload_app = False

# With gthread this watches the worker's own loop, not a request: a stream may last longer.
timeout = 60
# From SIGTERM to SIGKILL. Streams are ended, and what was written is stored, before that.
graceful_timeout = 30
STREAM_SECONDS = 15.0

# Longer than the usual 60 s of a proxy in front, so that the proxy closes idle connections first.
keepalive = 75

# A worker that restarts itself takes its streams with it: memory is bounded in other ways.
max_requests = 0

# One door less: nobody manages a running server through a socket.
control_socket_disable = True

# Nothing in a request of ours is larger; attackers' are.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 16380

# The app writes a line for each answer, as JSON; gunicorn's own goes without.
accesslog = None
errorlog = "-"
loglevel = "warning"


def on_starting(server):  # noqa: ARG001 - gunicorn calls it with the arbiter.
    """Refuse wrong settings once, before any worker does."""
    try:
        Settings.from_env(os.environ)
    except ConfigError as exc:
        sys.exit(f"Threadkeeper cannot start:\n{exc}")


def post_worker_init(worker):
    """Let running turns see that the worker was told to stop."""
    this_worker.watch(lambda: worker.alive, seconds=STREAM_SECONDS, threads=threads)


def pre_request(worker, req):  # noqa: ARG001 - gunicorn calls it with both.
    """Let an answer whose request was not read to its end close the connection."""
    this_worker.begin_request(req.force_close)


def worker_exit(server, worker):  # noqa: ARG001 - gunicorn calls it with both.
    """Let turns that nobody reads come to their end too, or be stored as they are."""
    this_worker.exit()
