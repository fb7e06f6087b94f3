"""What the tests of sessions share."""

from tests.fix_auth_variants import variant

__all__ = ["variant"]
