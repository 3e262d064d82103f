/* SPDX-License-Identifier: GPL-2.0 */
/* A text file for Prometheus, by way of the node_exporter or anything else that reads it */
#ifndef BACKUP_METRICS_H
#define BACKUP_METRICS_H

#include <time.h>

#include "manifest.h"

/* Makes @file absolute, before the directory is another one; NULL: said why */
const char *metrics_file(const char *file);
/*
 * What became of a backup to @to: NULL, it has failed. Then the time of the last one that
 * did not stays in the file. False: it has been said why
 */
bool metrics_write(const char *file, const char *to, const struct backup *backup,
		   time_t begun);

#endif
