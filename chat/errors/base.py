"""What every error of ours tells, and those that keep the app from starting."""

from __future__ import annotations

from typing import ClassVar


class ChatError(Exception):
    """Something went wrong that a caller can be told about."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    allow_retry: ClassVar[bool] = False
    public: str = "Something went wrong on our side. Please try again."
    retry_after: int | None = None
    """Seconds for the Retry-After header, or None to send none; an error may know better."""


class ConfigError(ChatError):
    """One or more settings are wrong; the message names all of them, a line each."""

    code = "configuration"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class MigrationError(ChatError):
    """The database does not fit the migration files; the message says what to do."""

    code = "migration"


class ImportRefused(ChatError):
    """A line of a file is not what an export of ours has there; the message says which and why."""

    code = "import_refused"
    public = "That file can't be imported."

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {why}")
