"""How gunicorn serves Threadkeeper: `gunicorn wsgi:app`. Each number has its reason beside it."""

import errno
import gc
import importlib
import os
import sys
import time

from gunicorn.glogging import Logger
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import ThreadWorker

from chat.config import ServerSettings, Settings
from chat.errors import ConfigError
from chat.stream import allow_descriptors
from chat.stream import worker as this_worker
from chat.web.senders import senders


class PatientWorker(ThreadWorker):
    """gunicorn's threads, which nobody holds for longer than it takes to send a request."""

    yields_again = 0.0

    def accept(self, listener):
        """Take a connection in, unless another worker is quicker to.

        Who waits for a worker with many streams to do so is taken by one that has few. Without a
        free descriptor gunicorn would end the worker, with all its streams: so it waits for one.
        Both stop the worker's loop, which serves kept connections too: briefly, and not often.
        """
        now = time.monotonic()
        if now >= self.yields_again:
            self.yields_again = now + YIELD_EVERY_SECONDS
            time.sleep(this_worker.crowded() * YIELD_SECONDS)
        try:
            super().accept(listener)
        except OSError as exc:
            if exc.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            time.sleep(PAUSE_SECONDS)

    def handle(self, conn):
        """Serve a connection's next request; its bytes have to arrive in time.

        The last one is closed here. gunicorn would do so in the worker's loop, and wait there for
        up to 2 s until the client hangs up too: ten that do not were 20 s for everybody else.
        """
        with senders.connection(conn.sock):
            goes_on = super().handle(conn)
        if goes_on is False:
            close_graceful(conn.sock)
            conn.close = closed
        return goes_on

    def notify(self):
        """Tell gunicorn that the worker lives, about once a second, and end who is late."""
        super().notify()
        senders.end_late()


def closed(*, graceful=False):
    """Close what is closed already."""


class QuietLogger(Logger):
    """gunicorn's log without people's words: it quotes what it could not read as a request."""

    def warning(self, msg, *args, **kwargs):
        """Log a warning; of a request that could not be read, only that it was so."""
        if str(msg).startswith("Invalid request"):
            msg, args = "a request could not be read", ()
        super().warning(msg, *args, **kwargs)

    def debug(self, msg, *args, **kwargs):
        """Log for who looks for a fault; of a request that broke off, only that it did."""
        if str(msg).startswith("Ignored premature"):
            msg, args = "a request broke off", ()
        super().debug(msg, *args, **kwargs)

    def exception(self, msg, *args, **kwargs):  # noqa: ARG002 - it would name the address.
        """Log an error by its type alone."""
        super().error("gunicorn failed: %s", type(sys.exc_info()[1]).__name__)


try:
    ours = ServerSettings.from_env(os.environ)
except ConfigError:
    # `on_starting` names them, together with those of the app.
    ours = ServerSettings()

bind = ours.address

# The app itself believes a proxy's headers, exactly as many as TRUSTED_PROXIES says. gunicorn would
# believe those of any program on this machine, and with them another scheme.
forwarded_allow_ips = ""

# A stream holds a thread while somebody reads it, and waits for the model nearly all that time.
# What holds threads for as long as it likes is a slow sender: see chat/web/senders.py.
worker_class = PatientWorker
# Threads are made when they are needed: a site with ten readers at a time has a dozen of them.
workers = ours.workers
threads = ours.threads

# Twice as many as threads, so that those who wait and those who are kept alive have room too.
worker_connections = 2000

# Connections, running turns with one to the model each, and what is open anyway.
DESCRIPTORS = worker_connections + 1000 + 200
# A worker whose places for streams are nearly all taken lets others go first for that long.
YIELD_SECONDS = 0.01
YIELD_EVERY_SECONDS = 0.05
# Without a free descriptor a worker looks again that often.
PAUSE_SECONDS = 0.05

# The app is loaded in each worker: connections and threads do not survive a fork.
preload_app = False

# What takes nine tenths of that is not ours, and makes neither. Each worker finds it loaded: it
# begins with 0.24 s of CPU instead of 1.45 s (measured), and shares that memory with the others.
LIBRARIES = ("agents", "chatkit.server", "flask", "openai", "psycopg_pool")

# With gthread this watches the worker's own loop, not a request: a stream may last longer.
timeout = 60
# From SIGTERM to SIGKILL. Streams are ended, and what was written is stored, before that.
graceful_timeout = 30
STREAM_SECONDS = 15.0

# For what the app left unread of a body, before the connection serves its next request.
UNREAD_SECONDS = 2.0

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
logger_class = QuietLogger
loglevel = "warning"


def on_starting(server):
    """Refuse wrong settings once, before any worker does, and have descriptors for all streams."""
    problems = []
    for kind in (Settings, ServerSettings):
        try:
            kind.from_env(os.environ)
        except ConfigError as exc:
            problems += exc.problems
    if problems:
        sys.exit(f"Threadkeeper cannot start:\n{ConfigError(problems)}")
    allowed = allow_descriptors(DESCRIPTORS)
    if allowed < DESCRIPTORS:
        server.log.warning(
            "a worker may open %d files and sockets; for all its streams it may need %d: "
            "raise the hard limit (ulimit -Hn)",
            allowed,
            DESCRIPTORS,
        )
    # Without looking for garbage, which would find little; and later looks leave all of this alone.
    gc.disable()
    # macOS forbids to use some of its own parts on both sides of a fork, and some are among these.
    if sys.platform != "darwin":
        for name in LIBRARIES:
            importlib.import_module(name)
    gc.freeze()
    gc.enable()


def post_worker_init(worker):
    """Let running turns see that the worker was told to stop."""
    # What was loaded stays until the end: without it each look for garbage is shorter.
    gc.freeze()
    this_worker.watch(lambda: worker.alive, seconds=STREAM_SECONDS, threads=threads)


def pre_request(worker, req):  # noqa: ARG001 - gunicorn calls it with both.
    """Let an answer whose request was not read to its end close the connection."""
    this_worker.begin_request(req.force_close)
    senders.allow(None)


def post_request(worker, req, environ, resp):  # noqa: ARG001 - gunicorn calls it with all four.
    """Bound how long gunicorn waits for what the app left unread of a body."""
    senders.allow(UNREAD_SECONDS)


def worker_exit(server, worker):  # noqa: ARG001 - gunicorn calls it with both.
    """Let turns that nobody reads come to their end too, or be stored as they are."""
    this_worker.exit()
