/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BACKUP_COMMAND_H
#define BACKUP_COMMAND_H

#include <sys/types.h>

#include "say.h"
#include "store.h"

enum status backup_command(int argc, char **argv);
enum status list_backups(int argc, char **argv);
enum status verify_command(int argc, char **argv);
enum status prune_command(int argc, char **argv);
enum status mount_command(int argc, char **argv);
enum status umount_command(int argc, char **argv);
enum status restore_command(int argc, char **argv);
enum status receive_command(int argc, char **argv);
enum status run_command(int argc, char **argv);

/* "see: interposectl help backup" */
enum status usage_error(const char *command);
/* The signal, or 0 */
int interrupted_by(void);
/* As this program was started; what it writes itself is for its user alone */
extern mode_t users_umask;
/* DONE, UNDONE if it was interrupted, or FAILED */
enum status outcome(bool good);
bool choose_progress(const char *word);
bool choose_count(const char *word, const char *option, unsigned int *count);

/* All of it and all that it is based on is as it was written */
bool verify_backup(struct store *store, struct backup *backup, bool chain);
/* Those but the newest @keep, and but those younger than @days, if there are days */
bool prune(struct store *store, unsigned int keep, unsigned int days);

#endif
