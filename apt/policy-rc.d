#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What maintainer scripts ask before they restart a service (invoke-rc.d(8), deb-systemd-invoke,
# /usr/share/doc/init-system-helpers/README.policy-rc.d.gz). Denies the restart of a service of
# which all that an upgrade changed is hotpatched; whatever is anything else, not sure or
# takes too long is allowed, as without this. To enable it:
#
#     dpkg-divert --local --rename --divert /usr/sbin/policy-rc.d.before-graft \
#         --add /usr/sbin/policy-rc.d
#     ln -s /usr/share/graft/policy-rc.d /usr/sbin/policy-rc.d
#
# A policy that was there before is asked first, and what it denies stays denied.
set -uf
PATH=${PATH-}:/usr/local/sbin:/usr/local/bin
before=/usr/sbin/policy-rc.d.before-graft
answer=0
if [ -x "$before" ]; then
	"$before" "$@"
	answer=$?
	case $answer in 0 | 104) ;; *) exit $answer ;; esac
fi

say='echo'
if [ "${1-}" = --quiet ]; then
	say=:
	shift
fi
if [ "${1-}" = --list ]; then
	echo "restart: denied where all that an upgrade changed is hotpatched (graft spare)"
	exit 0
fi
service=${1-} action=${2-}

# With nobody to ask, invoke-rc.d denies what is out of runlevel, "(start)", and all of a
# root without an init; asked, it does what we say.
if [ ! -x "$before" ]; then
	case $action in '('*) exit 101 ;; esac
	[ -e /sbin/init ] || exit 101
fi

# Only while a package is upgraded. Who configures anew, or restarts by hand, means it.
case $action in restart | try-restart) ;; *) exit $answer ;; esac
[ "${DPKG_MAINTSCRIPT_NAME-}" = postinst ] && [ -z "${DEBCONF_RECONFIGURE-}" ] || exit $answer

# deb-systemd-invoke asks for one unit after the other, and takes a denial for all of them.
services=$service
pid=$PPID
for _ in 1 2 3; do
	[ "${pid:-0}" -gt 0 ] || break
	words=$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null) || break
	case "$words" in
	*/deb-systemd-invoke*)
		services=
		found=
		IFS='
'
		for word in $words; do
			case $found:$word in
			:*/deb-systemd-invoke) found=options ;;
			options:--user | options:--global) exit $answer ;;
			options:-*) ;;
			options:*) found=units ;;
			units:*) services="$services$word$IFS" ;;
			esac
		done
		break
		;;
	esac
	pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
done
IFS='
'
[ -n "$services" ] || exit $answer
for service in $services; do
	why=$(timeout -k 5 60 graft spare --wait 5 -- "$service" 2>&1) || {
		$say "graft: $why" >&2
		exit $answer
	}
	$say "graft: $why" >&2
done
exit 101
