/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is called in place of the nop at the beginning of a kernel function.
 *
 * On the stack are two return addresses: that of the function's own body, behind the
 * nop, and above it that of the function's caller. The hook, in C, returns a struct
 * stock_verdict in %rax and %rdx. If it has not taken the bio, this returns to the
 * body, with the arguments as they were. If it has, it returns to the caller, as if
 * the function had returned what the hook says.
 *
 * Only a direct call leads here and only returns lead away, so neither needs an
 * endbr at its target. No more than the function's arguments are kept, of which none in
 * places.c has more than three: at a function's beginning nothing else that a call may
 * change is in use. That a kernel with ftrace sees to: it is compiled so
 * that no function knows what another one leaves alone.
 *
 * A task that sleeps in the hook has an ordinary frame here, and above it the
 * function's as it is at its beginning: what unwinds the stack finds its way.
 *
 * What most bios need no more of than a look at their flags is done here.
 *
 * Another architecture has a file of its own beside this one, with its name in
 * place of x86, and the same symbols.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <linux/version.h>
#include <asm/frame.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>
#include "layout.h"

/* As hooks.c asserts */
#define BIO_FLAGS_HIGH		(LAYOUT_bio_bi_flags_OFFSET + 1)
#define HIGH_INTERPOSED		0x40
#define HIGH_PAST_INTERPOSER	0x80
#define BD_DIRECT		0x40000000

/* Of a bio on its way past the hook, bio_beneath_hook(), nothing is asked. */
.macro PASS_BENEATH
	movzbl	BIO_FLAGS_HIGH(%rdi), %eax
	andb	$(HIGH_INTERPOSED | HIGH_PAST_INTERPOSER), %al
	cmpb	$HIGH_PAST_INTERPOSER, %al
	jne	.Lask\@
	RET
.Lask\@:
.endm

/* Only what is for a device whose bios may be mapped where they are */
.macro PASS_INDIRECT
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	movq	LAYOUT_bio_bi_bdev_OFFSET(%rdi), %rax
	testl	$BD_DIRECT, LAYOUT_block_device___bd_flags_OFFSET(%rax)
	jnz	.Ldirect\@
	RET
.Ldirect\@:
#endif
	PASS_BENEATH
.endm

/* Only flushes */
.macro PASS_OTHERS
	movl	stock_flush_flags(%rip), %eax
	testl	%eax, LAYOUT_bio_bi_opf_OFFSET(%rdi)
	jnz	.Lask\@
	RET
.Lask\@:
.endm

/* TRAMPOLINE name args: for functions with so many arguments */
.macro TRAMPOLINE name args filter
SYM_FUNC_START(stock_trampoline_\name)
	ANNOTATE_NOENDBR
	\filter
	FRAME_BEGIN
	push	%rdi
	.if \args > 1
	push	%rsi
	.endif
	.if \args > 2
	push	%rdx
	.endif
	call	stock_hook_\name
	test	%rax, %rax
	jnz	.Ltaken_\name
	.if \args > 2
	pop	%rdx
	.endif
	.if \args > 1
	pop	%rsi
	.endif
	pop	%rdi
	FRAME_END
	RET
.Ltaken_\name:
	mov	%rdx, %rax
	add	$(8 * \args), %rsp
	FRAME_END
	/* the body's return address; now all is as it was before the call to the function */
	add	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(stock_trampoline_\name)
.endm

	.text
TRAMPOLINE prep 1
TRAMPOLINE split 3 PASS_BENEATH
TRAMPOLINE mq 1 PASS_INDIRECT
TRAMPOLINE enter 2
TRAMPOLINE submit 1
/* in 7.x it has two arguments */
TRAMPOLINE nocheck 2 PASS_BENEATH
TRAMPOLINE noacct 1 PASS_OTHERS
TRAMPOLINE chain 2
TRAMPOLINE dead 1
TRAMPOLINE release 1
TRAMPOLINE link 2

/*
 * blk_cgroup_bio_start(), __blk_throtl_bio(): not for a bio that has been through the
 * hook, bio_past_hook(); false, not to be throttled. What the flags say is true as long
 * as this is called. Only of a bio that completed when the last interposer was gone, and
 * is used again without bio_reset(), it may not be: that is then not charged.
 */
SYM_FUNC_START(stock_trampoline_charged)
	ANNOTATE_NOENDBR
	testb	$(HIGH_INTERPOSED | HIGH_PAST_INTERPOSER), BIO_FLAGS_HIGH(%rdi)
	jnz	.Lcharged
	RET
.Lcharged:
	xor	%eax, %eax
	add	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(stock_trampoline_charged)
