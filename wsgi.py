"""What gunicorn serves: `gunicorn wsgi:app`."""

from __future__ import annotations

import sys
from typing import Final

from app import create_app
from chat.errors import ConfigError, MigrationError

BOOT_ERROR: Final = 3

try:
    app = create_app()
except (ConfigError, MigrationError) as exc:
    # A person reads this in a terminal: the sentences, and not the way to them.
    sys.stderr.write(f"Threadkeeper cannot start:\n{exc}\n")
    # What gunicorn takes for "do not try again".
    sys.exit(BOOT_ERROR)
