#!/bin/bash
# The cases of this folder with secrets in configs, plugins and proxies: no message, log or trace shows one.
exec "$(command -v lua5.4 || command -v lua)" tests/messages/run --canaries
