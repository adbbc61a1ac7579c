"""What holds for every test."""

import os

import hypothesis

# A developer's own settings must not change what the tests see. UMBEL_TEST_* is for the tests themselves.
for name in list(os.environ):
    if name.startswith(("UMBEL_", "DIRECTOR_")) and not name.startswith("UMBEL_TEST_"):
        del os.environ[name]

# A shared two-core machine is no place for deadlines of milliseconds.
hypothesis.settings.register_profile("umbel", deadline=None, print_blob=True)
hypothesis.settings.load_profile("umbel")
