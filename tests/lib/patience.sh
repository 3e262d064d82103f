# shellcheck shell=bash
# How much longer things may take on a machine that is busy with others, whose load comes and goes. Limits only tell what
# hangs from what is slow, so they grow with the highest load that was seen since, also while they run out: whoever has
# waited for his limit asks again before he gives up. A guest knows nothing of the host's load: tests/run writes the
# number to a file that it shares with the guest.

patience=1

# count_processors: sets $patience_processors. Not with nproc: a test that leaves a guest without memory cannot start it,
# and a division by nothing would end wait_until, and go on with what comes behind it.
count_processors() {
	local key list range
	while read -r key list; do
		[[ $key != Cpus_allowed_list: ]] || break
	done </proc/self/status
	patience_processors=0
	for range in ${list//,/ }; do
		patience_processors=$((patience_processors + ${range#*-} - ${range%-*} + 1))
	done
	((patience_processors)) || patience_processors=1
}

# be_patient: sets $patience. It never becomes less. No process is started.
be_patient() {
	local now=${T_PATIENCE:-1} load
	if [[ ${DM_INTERPOSE_PATIENCE:-} ]]; then
		patience=$DM_INTERPOSE_PATIENCE
		return
	fi
	if [[ ${T_PATIENCE_FILE:-} ]]; then
		read -r now <"$T_PATIENCE_FILE" || now=1
	else
		[[ ${patience_processors:-} ]] || count_processors
		read -r load _ </proc/loadavg
		load=${load%.*}
		# a guest alone is a load of two
		((load <= patience_processors * 2)) || load=$((load * 2))
		load=$((1 + load / (patience_processors * 2)))
		((load <= now)) || now=$load
	fi
	((now <= patience)) || patience=$now
} 2>/dev/null

# out_of_time SINCE LIMIT: it is more than LIMIT seconds, for an idle machine, that $SECONDS was SINCE
out_of_time() {
	((SECONDS - $1 >= $2)) || return 1
	be_patient
	((SECONDS - $1 >= $2 * patience))
}
