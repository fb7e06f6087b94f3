"""What the tests of pages share."""

from tests.fix_auth_variants import variant
from tests.fix_site import site, site_auth, site_dsn, start_site

__all__ = ["site", "site_auth", "site_dsn", "start_site", "variant"]
