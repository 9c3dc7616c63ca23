#!/bin/sh
case ${1:-} in
-* | healthcheck | version) set -- traefik "$@" ;;
esac
exec "$@"
