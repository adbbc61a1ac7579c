"""Loaded by Python itself in the processes of a world: a wrong wall clock, and a planted mistake (plants.py)."""

import os
import sys
import time

if "umbel" in sys.orig_argv and {"server", "worker"} & set(sys.orig_argv):
    if skew := float(os.environ.get("UMBEL_TEST_SKEW") or 0):
        _time, _time_ns = time.time, time.time_ns
        time.time = lambda: _time() + skew
        time.time_ns = lambda: _time_ns() + round(skew * 1e9)
    if os.environ.get("UMBEL_TEST_PLANT"):
        from tests.chaos.harness.planting import plant

        plant(os.environ["UMBEL_TEST_PLANT"])
