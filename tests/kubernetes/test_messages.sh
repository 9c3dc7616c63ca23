#!/bin/bash
# The messages that need a cluster: the cases of tests/messages that say so.
exec "$(command -v lua5.4 || command -v lua)" tests/messages/run --cluster
