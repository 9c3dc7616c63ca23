#!/bin/bash
# The messages that need an engine: the cases of tests/messages that say so.
exec "$(command -v lua5.4 || command -v lua)" tests/messages/run --engine
