"""The engine decides what runs next: the hot state machine, as atomic scripts in Redis or Valkey.

Owns: live runs, their timers, leases and event stream; every Redis key and every Lua script.
May import: plan, events, machine, errors, settings; the only package (with stack) that imports redis.
Promises: U-2 to U-8 and U-10 to U-12; one method per verb, each repeatable after a lost reply;
    never knows that SQL exists.
"""
