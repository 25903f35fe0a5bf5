# SPDX-License-Identifier: Apache-2.0
# bash completion for graft(1)

# Processes: number and name are hard to know, so offer the numbers.
_graft_pids()
{
	local dir
	for dir in /proc/[0-9]*; do
		printf '%s\n' "${dir#/proc/}"
	done
}

# Files with one of these endings, and directories to walk into.
_graft_files()
{
	local current=$1 pattern=$2
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(
		compgen -d -- "$current"
		compgen -f -X "!$pattern" -- "$current"
	)
}

_graft()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local verbs='diff show verify plan apply status revert recover sync install rollback spare report calendar eligible repo release update restart compliance daemon config perf-map'
	local verb= word i options='--state-dir --help'

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ " $verbs " == *" $word "* ]]; then
			verb=$word
			break
		fi
	done

	COMPREPLY=()
	case $previous in
	--pid)
		mapfile -t COMPREPLY < <(compgen -W "$(_graft_pids)" -- "$current")
		return
		;;
	--wait | --title | --cve)
		return
		;;
	--state-dir | --debug-dir | --root | --in)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	-o | --output)
		_graft_files "$current" '*.graft'
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'vex cyclonedx-vex' -- "$current")
		return
		;;
	--socket)
		compopt -o default 2>/dev/null
		return
		;;
	--html)
		_graft_files "$current" '*.html'
		return
		;;
	esac

	if [[ $previous == --passphrase-file || $previous == --trusted-root || $previous == --custom || $previous == --signatures || $previous == --add || $previous == --policy || $previous == --inventory ]]; then
		compopt -o default 2>/dev/null
		return
	fi

	if [[ $previous == --old || $previous == --against || $previous == --key || $previous == --signature ]]; then
		compopt -o default 2>/dev/null
		return
	fi

	case $verb in
	'') options="$verbs --help --version --state-dir" ;;
	diff) options+=' --with -o --output --json --title --cve --debug-dir --carry-lines --explain --html --whole --disk --no-disk' ;;
	show) options+=' --core --disassemble --old --json' ;;
	verify) options+=' --against --old --json --key --signature' ;;
	plan) options+=' --all --pid --json' ;;
	apply) options+=' --all --pid --wait --immediate --all-or-none --canary --watch --dry-run --json' ;;
	revert) options+=' --all --pid --completely --wait --json' ;;
	status) options+=' --pid --json' ;;
	recover) options+=' --pid --wait --json' ;;
	sync) options+=' --dry-run --pid --unit --package --cgroup --wait --unattended --json' ;;
	install) options+=' --root --in --pid --no-memory --allow-scripts --wait --dry-run --json' ;;
	rollback) options+=' --no-memory --wait --json' ;;
	spare) options+=' --wait' ;;
	report) options+=' --format' ;;
	calendar) options+=' --year --ics --json --config' ;;
	daemon) options='status metrics sync pause resume release --socket --json --help' ;;
	eligible) options+=' --facts --policy --explain --json' ;;
	repo | release)
		options='init add remove delegate rotate sign publish refresh reset status list mirror export import --help'
		[[ $verb == repo ]] || options='make check list show sizes --help'
		for ((i++; i < COMP_CWORD; i++)); do
			if [[ " $options " == *" ${COMP_WORDS[i]} "* ]]; then
				compopt -o default 2>/dev/null
				options='--key --passphrase-file --passphrase-fd --trusted-root --role --add --remove --threshold --days --bins --as --prefix --custom --paths --terminating --signatures --policy --inventory --leaves-track --fleet --timeout --json --help'
				[[ $current == -* ]] || options=
				break
			fi
		done
		;;
	update) options+=' --dry-run --json --from --trusted-root --policy --config --timeout --wait' ;;
	restart) options='status go now cancel plan --config --json --help' ;;
	compliance)
		options='report key collect enroll import status remove --help'
		for ((i++; i < COMP_CWORD; i++)); do
			if [[ " $options " == *" ${COMP_WORDS[i]} "* ]]; then
				compopt -o default 2>/dev/null
				options='--output --name --key --passphrase-file --passphrase-fd --days --config --replace --first-use --late --facts --json --help'
				[[ $current == -* ]] || options=
				break
			fi
		done
		;;
	config) options='check --help' ;;
	perf-map) options+=' --all --pid --json' ;;
	esac

	if [[ -z $verb || $current == -* ||
		$verb == status || $verb == recover || $verb == sync || $verb == spare || $verb == rollback || $verb == report ||
		$verb == calendar || $verb == eligible || $verb == repo || $verb == release || $verb == update || $verb == restart || $verb == compliance || $verb == daemon || $verb == config ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
	elif [[ $verb == diff ]]; then
		compopt -o default 2>/dev/null
	else
		_graft_files "$current" '*.graft'
	fi
}

complete -F _graft graft
