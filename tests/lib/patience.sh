# shellcheck shell=bash
# How much longer things may take on a machine that is busy with others, whose load comes and goes. Limits only tell what
# hangs from what is slow, so they grow with the highest load that was seen since, also while they run out: whoever has
# waited for his limit asks again before he gives up. A guest knows nothing of the host's load: tests/run writes the
# number to a file that it shares with the guest.

patience=1

# be_patient: sets $patience. It never becomes less. No process is started but the first time.
be_patient() {
	local now=${T_PATIENCE:-1} load
	if [[ ${DM_INTERPOSE_PATIENCE:-} ]]; then
		patience=$DM_INTERPOSE_PATIENCE
		return
	fi
	if [[ ${T_PATIENCE_FILE:-} ]]; then
		read -r now <"$T_PATIENCE_FILE" || now=1
	else
		: "${patience_processors:=$(nproc)}"
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
