"""The fixtures of all tests, one plugin for each thing that they are about."""

pytest_plugins = [
    "tests.garbage",
    "tests.side_by_side",
    "tests.fix_postgres",
    "tests.fix_pgbouncer",
    "tests.fix_auth",
    "tests.fix_auth_variants",
    "tests.fix_store",
    "tests.fix_model",
    "tests.fix_recorder",
    "tests.fix_server",
    "tests.fix_site",
    "tests.fix_figures",
]
