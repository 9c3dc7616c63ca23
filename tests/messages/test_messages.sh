#!/bin/bash
# Every message of docs/reference/messages.md, provoked: the cases of this folder.
exec "$(command -v lua5.4 || command -v lua)" tests/messages/run
