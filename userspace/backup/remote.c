// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote.h"
#include "say.h"
#include "state.h"

#define SCHEME		"ssh://"

bool remote_is(const char *to)
{
	return to && !strncmp(to, SCHEME, strlen(SCHEME));
}

/*
 * ssh
 */

struct address {
	char host[256];			/* with the user */
	char port[8];
	const char *directory;
};

/* A colon is that of a port only behind the address in brackets, if there is one */
static bool take_apart(const char *word, struct address *address)
{
	const char *begin = word + strlen(SCHEME);
	size_t length = strcspn(begin, "/");
	char *port, *user, *end;

	*address->port = '\0';
	address->directory = begin + length;
	if (!length || length >= sizeof(address->host) || !begin[length] ||
	    !begin[length + 1])
		return false;
	snprintf(address->host, sizeof(address->host), "%.*s", (int)length,
		 begin);
	user = strrchr(address->host, '@');
	user = user ? user + 1 : address->host;
	end = *user == '[' ? strchr(user, ']') : NULL;
	port = strchr(end ?: user, ':');
	if (port) {
		*port++ = '\0';
		if (!*port || port[strspn(port, "0123456789")] ||
		    strlen(port) >= sizeof(address->port))
			return false;
		strcpy(address->port, port);
	}
	if (end) {
		*end = '\0';
		memmove(user, user + 1, strlen(user));
	}
	return *user && *address->host != '-';
}

/* It ends when the other machine has not answered for a minute */
bool remote_command(const char *word, const char *command,
		    const char *argv[REMOTE_ARGS])
{
	static char text[5 * PATH_MAX];
	static struct address address;
	char directory[4 * PATH_MAX];
	size_t n = 0;

	if (!take_apart(word, &address)) {
		complain("'%s' is not ssh://[USER@]HOST[:PORT]/DIR", word);
		return false;
	}
	argv[n++] = "ssh";
	argv[n++] = "-o";
	argv[n++] = "ServerAliveInterval=15";
	argv[n++] = "-o";
	argv[n++] = "ServerAliveCountMax=4";
	snprintf(text, sizeof(text), "%s %s", command,
		 quote(address.directory, directory, sizeof(directory)));
	if (*address.port) {
		argv[n++] = "-p";
		argv[n++] = address.port;
	}
	argv[n++] = "--";
	argv[n++] = address.host;
	argv[n++] = text;
	argv[n] = NULL;
	return true;
}

/*
 * Starting and ending it
 */

__attribute__((noreturn))
static void become(const char *const argv[], int input, int output)
{
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(argv[0], (char **)argv);
	dprintf(STDERR_FILENO, "interposectl: cannot run %s: %s\n", argv[0],
		strerror(errno));
	_exit(127);
}

static bool start(struct remote *remote, const char *const argv[])
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC))
		return false;
	if (pipe2(out, O_CLOEXEC))
		return false;
	fflush(NULL);
	remote->pid = fork();
	if (!remote->pid)
		become(argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	remote->to = in[1];
	remote->from = out[0];
	return remote->pid > 0 && pipe_prepare(remote->to) &&
	       pipe_prepare(remote->from);
}

bool remote_start(struct remote *remote, const char *to, const char *receiver)
{
	const char *shell[] = { "/bin/sh", "-c", receiver, NULL };
	const char *ssh[REMOTE_ARGS];

	memset(remote, 0, sizeof(*remote));
	remote->to = remote->from = -1;
	snprintf(remote->shown, sizeof(remote->shown), "%s", to ?: receiver);
	if (to && !remote_command(to, "interposectl backup receive --", ssh))
		return false;
	if (start(remote, to ? ssh : shell))
		return true;
	complain("cannot start a process: %s", strerror(errno));
	return false;
}

bool remote_end(struct remote *remote, bool good)
{
	int status = -1;

	if (remote->to >= 0)
		close(remote->to);
	if (remote->from >= 0)
		close(remote->from);
	remote->to = remote->from = -1;
	while (remote->pid > 0 && waitpid(remote->pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	remote->pid = 0;
	if (good && status)
		complain("the backup is stored, but %s has failed afterwards",
			 remote->shown);
	return good && !status;
}

/*
 * Talking
 */

static bool not_heard(const struct remote *remote, const char *why)
{
	if (!interrupted())
		complain("%s %s", remote->shown, why);
	return false;
}

static bool is_true(struct json_object *from, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(from, key, &value) &&
	       json_object_get_boolean(value);
}

/* One that is not good keeps its name, and its place in their order */
static bool add(struct store *store, struct json_object *from)
{
	struct backup *v = realloc(store->v, (store->n + 1) * sizeof(*v));
	struct json_object *manifest, *sequence;
	struct backup *backup;

	if (!v)
		return false;
	store->v = v;
	backup = &v[store->n++];
	memset(backup, 0, sizeof(*backup));
	snprintf(backup->name, sizeof(backup->name), "%s",
		 text_of(from, "name"));
	if (json_object_object_get_ex(from, "sequence", &sequence))
		backup->sequence = json_object_get_int64(sequence);
	if (is_true(from, "good"))
		return json_object_object_get_ex(from, "manifest", &manifest) &&
		       manifest_parse(manifest, backup) &&
		       name_is_plain(backup->name);
	snprintf(backup->problem, sizeof(backup->problem), "it is not good");
	return true;
}

bool remote_backups(struct remote *remote, struct store *store)
{
	struct json_object *hello = pipe_hear(remote->from), *list, *version;
	bool good = json_object_object_get_ex(hello, "version", &version) &&
		    json_object_get_int(version) == PIPE_VERSION &&
		    json_object_object_get_ex(hello, "backups", &list) &&
		    json_object_is_type(list, json_type_array);

	snprintf(store->path, sizeof(store->path), "%s", remote->shown);
	for (size_t i = 0; good && i < json_object_array_length(list); i++)
		good = add(store, json_object_array_get_idx(list, i));
	json_object_put(hello);
	return good || not_heard(remote, "does not answer as interposectl backup receive does; is interposectl-backup installed there, of this version, and does the shell there print nothing of its own?");
}

bool remote_begin(struct remote *remote, const struct backup *backup,
		  bool compress, unsigned int keep)
{
	char *text = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);
	bool good = file;

	if (file) {
		fprintf(file, "{\"version\":%d,\"compress\":%s,\"keep\":%u,\"backup\":",
			PIPE_VERSION, compress ? "true" : "false", keep);
		good = manifest_put(file, backup);
		fputs("}", file);
		if (fclose(file))
			good = false;
	}
	good = good && pipe_say(remote->to, text, n);
	free(text);
	return good || not_heard(remote, "has ended");
}

bool remote_stored(struct remote *remote)
{
	struct json_object *answer = pipe_hear(remote->from);
	bool good = is_true(answer, "stored");

	json_object_put(answer);
	return good || not_heard(remote, "has not said that the backup is stored");
}
