/* SPDX-License-Identifier: GPL-2.0 */
/* Members of structures that only the kernel's type information shows. */
#ifndef STOCK_LAYOUT_MEMBER_H
#define STOCK_LAYOUT_MEMBER_H

#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include "layout.h"

/* To be used in a union: each member at its own place in it. */
#define LAYOUT_MEMBER(of, type, member)					\
	struct {							\
		u8 pad_##member[LAYOUT_##of##_##member##_OFFSET];	\
		type member;						\
	}

/* That of the kernel is not only there, but of the same size as ours. */
#define LAYOUT_ASSERT(of, member)					\
	static_assert(offsetof(struct of, member) ==			\
		      LAYOUT_##of##_##member##_OFFSET &&		\
		      sizeof_field(struct of, member) ==		\
		      LAYOUT_##of##_##member##_SIZE)

/* For a member with a struct bio in it, which sparse takes for larger than it is. */
#ifdef __CHECKER__
#define LAYOUT_ASSERT_BIO(of, member)	static_assert(true)
#else
#define LAYOUT_ASSERT_BIO(of, member)	LAYOUT_ASSERT(of, member)
#endif

#endif /* STOCK_LAYOUT_MEMBER_H */
