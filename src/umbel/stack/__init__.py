"""The embedded stack of `umbel demo` and `umbel dev`: all parts under one supervisor.

Owns: the processes it starts, their logs and the data folder; the failure lab, which breaks these processes only.
May import: engine (is a worker there?), service (what the failure lab is asked for), plan, definition (what is wrong
with the files?), errors, settings; the parts are programs that it starts.
Promises: no process outlives it, not even when it is killed with -9; a part that dies is started again and
said so; one that keeps dying ends the stack with its last words.
"""

from umbel.stack.options import StackOptions, demo_options, dev_options
from umbel.stack.run import Interrupted, Stack, run_stack

__all__ = ["Interrupted", "Stack", "StackOptions", "demo_options", "dev_options", "run_stack"]
