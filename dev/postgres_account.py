"""Who runs PostgreSQL, which refuses to be root, and where its socket can be."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

# A socket's path holds 107 bytes on Linux and 103 on macOS, the name of the file included.
LONGEST_SOCKET = 100
NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")


class NoAccount(RuntimeError):
    """Root has no way to run PostgreSQL on this folder."""


@dataclass(frozen=True)
class Account:
    """How PostgreSQL's programs start: as a user, behind a prefix, or by default as we are."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder that we made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def give_folder(self, folder: Path) -> None:
        """Make the folder with access for its owner only, and the account that owner."""
        folder.mkdir(mode=0o700, exist_ok=True)
        allowed = {os.getuid(), self.uid}
        # Anybody may put a folder or a link into the temporary folder before us.
        if folder.is_symlink() or folder.stat().st_uid not in allowed:
            raise NoAccount(f"{folder} belongs to somebody else: remove it")
        folder.chmod(0o700)
        self.give(folder)


def choose_account(*folders: Path) -> Account:
    """Return an account that can enter every folder; raise NoAccount if root finds none."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        account = _named(name)
        if account and all(_can_enter(account, folder) for folder in folders):
            return account
    # No account gets into a folder below /root, but root without its powers does.
    if shutil.which("unshare") and _succeeds([*NAMESPACE, "true"], Account()):
        return Account(prefix=NAMESPACE)
    raise NoAccount(
        f"root cannot run PostgreSQL, and no other account can enter {folders[0]}: "
        "run as a user, move the folder, or set DATABASE_URL"
    )


def socket_folder(root: Path) -> Path:
    """Return where the server's socket belongs: below the root unless that path is unusable."""
    folder = root / "socket"
    # The client library splits a list of hosts at commas.
    if len(os.fsencode(folder / ".s.PGSQL.5432")) <= LONGEST_SOCKET and "," not in str(folder):
        return folder
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"postgres-{os.getuid()}-{name}"


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _can_enter(account: Account, folder: Path) -> bool:
    return _succeeds(["test", "-x", str(folder)], account)


def _succeeds(words: list[str], account: Account) -> bool:
    done = subprocess.run(
        words,
        capture_output=True,
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
    )
    return done.returncode == 0
