"""What a Python script has to do for the same: reads the action config and the private config, and writes the status
file, durably, once. Arguments: action config, private config, status file."""
import os
import sys
import time

import yaml


def main(config, private, status_file):
    started = time.monotonic()
    for path in (config, private):
        with open(path, encoding="utf-8") as file:
            yaml.safe_load(file)
    status = {"status": "passing", "msg": "fine", "state": None, "duration": round(time.monotonic() - started, 4),
              "timestamp": int(time.time() * 1000), "data": None}
    with open(status_file + ".tmp", "w", encoding="utf-8") as file:
        yaml.safe_dump(status, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(status_file + ".tmp", status_file)


main(*sys.argv[1:])
