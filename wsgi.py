"""What gunicorn serves: `gunicorn wsgi:app`."""

from __future__ import annotations

import sys

from app import create_app
from chat.errors import ConfigError, MigrationError

try:
    app = create_app()
except (ConfigError, MigrationError) as exc:
    # A person reads this in a terminal: the sentences, and not the way to them.
    sys.exit(f"Threadkeeper cannot start:\n{exc}")
