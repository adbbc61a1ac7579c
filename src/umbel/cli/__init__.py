"""The `umbel` command: one file per group of commands, and what they print.

Owns: the commands, their options and help texts, exit statuses, and how runs look on a terminal.
May import: everything below, each inside the command that needs it, so that `umbel --help` is quick.
Promises: an error is one sentence and a hint on standard error, never a traceback (`UMBEL_DEBUG=1` shows it); `--json`
prints what the server answered; the exit status is 0, 1 for an error, 2 for a canceled run or a wrong command line.
"""
