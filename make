#!/bin/sh
# ./make TARGET…: make, for a machine that may not have it yet. Installs it if it is missing, and hands everything on.
set -u

root=$(cd "$(dirname "$0")" && pwd) || exit 1
cd / || exit 1 # with "." on the PATH, "make" would be this file
groups=build
case " $* " in *" test "*) groups="build test" ;; esac
# What the target needs comes with make: an administrator who has to install it is asked only once.
# shellcheck disable=SC2086 # a list of words
command -v make >/dev/null 2>&1 || sh "$root/tools/deps" $groups || exit 1
exec make --no-print-directory -C "$root" "$@"
