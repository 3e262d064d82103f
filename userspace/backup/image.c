// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image.h"
#include "say.h"

#define LISTENER	3		/* as sd_listen_fds(3) has it */

bool image_programs(void)
{
	static const char *const img[] = { "qemu-img", "--version", NULL };
	static const char *const nbd[] = { "qemu-nbd", "--version", NULL };

	if (looks(img) && looks(nbd))
		return true;
	complain("qemu-img and qemu-nbd are needed; install the package qemu-utils");
	return false;
}

bool image_create(const char *file, uint64_t size, const char *backing)
{
	char bytes[32];
	const char *argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-o",
		"cluster_size=65536", file, bytes, NULL, NULL, NULL, NULL, NULL };
	size_t n = 9;

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	if (*backing) {
		argv[n++] = "-b";
		argv[n++] = backing;
		argv[n++] = "-F";
		argv[n++] = "qcow2";
	}
	return !run(argv);
}

bool image_check(const char *file)
{
	const char *argv[] = { "qemu-img", "check", "-q", "-f", "qcow2", file,
		NULL };
	int status = run(argv);

	/* 3: clusters that nobody uses, of a program that was killed */
	return !status || status == 3;
}

bool file_sync(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (!good)
		complain("cannot write %s back: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

/*
 * The server
 */

/* Past the page cache, where the file system can do that */
static const char *cache_mode(const char *file)
{
	int fd = open(file, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		return "--cache=writeback";
	close(fd);
	return "--cache=none";
}

__attribute__((noreturn))
static void become_server(int listener, int said, const char *const argv[])
{
	char pid[16];

	setsid(); /* Ctrl-C is for us alone */
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	dup2(said, STDERR_FILENO);
	if (listener == LISTENER)
		fcntl(LISTENER, F_SETFD, 0);
	else
		dup2(listener, LISTENER);
	close_range(LISTENER + 1, ~0U, 0);
	execvp(argv[0], (char **)argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s", argv[0], strerror(errno));
	_exit(127);
}

static bool start_program(struct server *server, int listener,
			  const char *file, enum access access)
{
	char shared[24], options[NAME_MAX + 128];
	const char *argv[] = { "qemu-nbd", shared, cache_mode(file),
		"--discard=unmap", NULL, NULL, NULL, NULL };
	size_t n = 4;

	snprintf(shared, sizeof(shared), "--shared=%d", WORKERS);
	snprintf(options, sizeof(options),
		 "driver=compress,file.driver=qcow2,file.file.driver=file,file.file.filename=%s",
		 file);
	if (access == IMAGE_READ)
		argv[n++] = "--read-only";
	argv[n++] = access == IMAGE_COMPRESS ? "--image-opts" : "--format=qcow2";
	argv[n++] = access == IMAGE_COMPRESS ? options : file;
	server->said = memfd_create("said", MFD_CLOEXEC);
	fflush(NULL);
	server->pid = fork();
	if (!server->pid)
		become_server(listener, server->said, argv);
	return server->pid > 0;
}

/* They wait in the listener's queue until qemu-nbd takes them */
static bool connect_all(int fds[], const struct sockaddr_un *address)
{
	for (size_t i = 0; i < WORKERS; i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || connect(fds[i], (const void *)address,
					  sizeof(*address)))
			return false;
	}
	return true;
}

/*
 * In a directory that nobody else may enter, and that is gone before qemu-nbd
 * starts: nobody can connect but us, and nothing is left if we are killed.
 */
static int listen_and_connect(int fds[])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[] = "/tmp/interpose-backup-XXXXXX";
	int listener = -1;
	bool good = false;

	if (!mkdtemp(directory))
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/nbd", directory);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener >= 0 &&
	    !bind(listener, (void *)&address, sizeof(address)))
		good = !listen(listener, WORKERS) && connect_all(fds, &address);
	unlink(address.sun_path);
	rmdir(directory);
	if (good)
		return listener;
	if (listener >= 0)
		close(listener);
	return -1;
}

static void repeat_what_it_said(const struct server *server)
{
	char text[1024];
	ssize_t n;

	lseek(server->said, 0, SEEK_SET);
	n = read(server->said, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (*text)
		complain("%s", text);
	else
		complain("qemu-nbd does not serve the image: %s",
			 nbd_get_error() ?: "it has ended");
}

static bool shake_hands(struct server *server, int fds[])
{
	bool good = true;

	for (size_t i = 0; i < WORKERS; i++) {
		server->nbd[i] = nbd_create();
		if (good && server->nbd[i] &&
		    !nbd_connect_socket(server->nbd[i], fds[i]))
			continue;
		if (!good || !server->nbd[i])
			close(fds[i]);
		good = false;
	}
	return good;
}

bool server_start(struct server *server, const char *file, enum access access)
{
	int fds[WORKERS], listener;

	memset(fds, -1, sizeof(fds));
	memset(server, 0, sizeof(*server));
	server->said = -1;
	listener = listen_and_connect(fds);
	if (listener < 0 || !start_program(server, listener, file, access)) {
		complain("cannot start qemu-nbd: %s", strerror(errno));
		for (size_t i = 0; i < WORKERS; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		if (listener >= 0)
			close(listener);
		return false;
	}
	close(listener);
	if (shake_hands(server, fds))
		return true;
	server_stop(server, false);
	return false;
}

/* A disconnection is polite, and its failure tells nothing */
static void disconnect(struct server *server)
{
	for (size_t i = 0; i < WORKERS; i++) {
		if (server->nbd[i] && nbd_aio_is_ready(server->nbd[i]) > 0)
			nbd_shutdown(server->nbd[i], 0);
		nbd_close(server->nbd[i]);
		server->nbd[i] = NULL;
	}
}

bool server_stop(struct server *server, bool written)
{
	bool good = server->nbd[0] && nbd_aio_is_ready(server->nbd[0]) > 0;
	int status = -1;

	if (good && written && nbd_flush(server->nbd[0], 0)) {
		complain("cannot write the image back: %s", nbd_get_error());
		good = false;
	}
	if (!server->nbd[0] || !good)
		repeat_what_it_said(server);
	disconnect(server);
	while (server->pid > 0 && waitpid(server->pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	if (server->said >= 0)
		close(server->said);
	memset(server, 0, sizeof(*server));
	server->said = -1;
	return good && !status;
}
