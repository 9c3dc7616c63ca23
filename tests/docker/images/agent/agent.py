#!/usr/bin/python3 -B
"""A stand-in for the monitoring agent (mlops-tracking-agent), whose image is not public. It reads the channels from
the YAML file that MLOPS_AGENT_CONFIG_YAML names (else /opt/datarobot/mlops/agent/conf/mlops.agent.conf.yaml), URL and
token from MLOPS_SERVICE_URL and MLOPS_API_TOKEN or the file's mlopsUrl and apiToken; takes messages from
RABBITMQ_SPOOL channels and sends each to <url>/monitoring with the token as a bearer. A message that the service
refuses stays in the queue. The real agent gathers and interprets messages, and knows other kinds of channels; this one
says that it ignores those.

The AMQP part is Debian's amqp-tools: amqp-consume runs `agent.py deliver` for each message and acknowledges it when
that ends well."""
import os
import signal
import subprocess
import sys
import time
import urllib.request

import yaml

CONFIG = "/opt/datarobot/mlops/agent/conf/mlops.agent.conf.yaml"


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def settings():
    path = os.environ.get("MLOPS_AGENT_CONFIG_YAML") or CONFIG
    with open(path, encoding="utf-8") as file:
        config = yaml.safe_load(file) or {}
    url = os.environ.get("MLOPS_SERVICE_URL") or config.get("mlopsUrl")
    token = os.environ.get("MLOPS_API_TOKEN") or config.get("apiToken")
    if not url or not token:
        sys.exit("agent: no MLOPS_SERVICE_URL or MLOPS_API_TOKEN, and no mlopsUrl or apiToken in " + path)
    return url.rstrip("/"), token, config.get("channelConfigs") or []


def deliver():
    """Sends the message on standard input."""
    url, token, _ = settings()
    request = urllib.request.Request(url + "/monitoring", data=sys.stdin.buffer.read(), headers={
        "Authorization": "Bearer " + token, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            log(f"agent: sent {request.data[:200].decode(errors='replace')}: {response.status}")
    except OSError as error:
        log(f"agent: cannot send to {url}: {error}; trying again")
        time.sleep(1)
        sys.exit(1)


def consume(details):
    """Starts a process that takes the channel's messages, or None while the queue cannot be reached."""
    url, queue = details["queueUrl"], details["queueName"]
    declared = subprocess.run(["amqp-declare-queue", "-u", url, "-d", "-q", queue], check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if declared.returncode != 0:
        log(f"agent: no connection to {details.get('name', queue)}: {declared.stderr.decode().strip()}")
        return None
    log(f"agent: reading channel {details.get('name', queue)}")
    return subprocess.Popen(["amqp-consume", "-u", url, "-q", queue, __file__, "deliver"])


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    log("stand-in for the monitoring agent")
    channels = {}
    for channel in settings()[2]:
        if channel.get("type") == "RABBITMQ_SPOOL":
            channels[len(channels)] = (channel["details"], None)
        else:
            log(f"agent: this stand-in ignores channels of type {channel.get('type')}")
    while True:
        for number, (details, process) in channels.items():
            if process is None or process.poll() is not None:
                channels[number] = (details, consume(details))
        time.sleep(1)


if __name__ == "__main__":
    if sys.argv[1:] == ["deliver"]:
        deliver()
    else:
        main()
