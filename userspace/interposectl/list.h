/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INTERPOSECTL_LIST_H
#define INTERPOSECTL_LIST_H

#include "say.h"

enum status list_snapshots(bool json);

#endif
