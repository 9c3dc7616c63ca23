#!/usr/bin/env python3
"""run.py PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG: runs one action and prints its status as JSON, with ctypes.

LIBBOSUN: the path of the library, if it is not where the system looks."""
import ctypes
import json
import os
import sys

bosun = ctypes.CDLL(os.environ.get("LIBBOSUN", "libbosun.so.0"))
for name, result, *arguments in (
    ("bosun_host_new", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ("bosun_host_free", None, ctypes.c_void_p),
    ("bosun_host_load", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p),
    ("bosun_host_run", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p),
    ("bosun_status_json", ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p),
    ("bosun_status_outcome", ctypes.c_int, ctypes.c_void_p),
    ("bosun_status_free", None, ctypes.c_void_p),
):
    function = getattr(bosun, name)
    function.restype, function.argtypes = result, arguments


def run(plugin, private_config, action, action_config):
    """Returns the status, a dictionary, and the exit status that the runner would have."""
    host = bosun.bosun_host_new(None, None)
    if not host:
        raise MemoryError("no memory for a host")
    try:
        bosun.bosun_host_load(host, plugin, private_config, None)  # if this fails, the status of run says so
        status = bosun.bosun_host_run(host, action, action_config)
        try:
            return json.loads(bosun.bosun_status_json(status, None)), bosun.bosun_status_outcome(status)
        finally:
            bosun.bosun_status_free(status)
    finally:
        bosun.bosun_host_free(host)


if len(sys.argv) != 5:
    sys.exit(f"usage: {sys.argv[0]} PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG")
answer, outcome = run(*map(os.fsencode, sys.argv[1:]))
print(json.dumps(answer))
sys.exit(outcome)
