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
 * endbr at its target. No more than the first three arguments are kept: none of the
 * functions in places.c has more, and at a function's beginning nothing else that a
 * call may change is in use. That a kernel with ftrace sees to: it is compiled so
 * that no function knows what another one leaves alone.
 *
 * A task that sleeps in the hook has an ordinary frame here, and above it the
 * function's as it is at its beginning: what unwinds the stack finds its way.
 *
 * Another architecture has a file of its own beside this one, with its name in
 * place of x86, and the same symbols.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/nospec-branch.h>
#include <asm/unwind_hints.h>

.macro TRAMPOLINE name
SYM_FUNC_START(stock_trampoline_\name)
	ANNOTATE_NOENDBR
	push	%rbp
	mov	%rsp, %rbp
	push	%rdi
	push	%rsi
	push	%rdx
	call	stock_hook_\name
	test	%rax, %rax
	jnz	.Ltaken_\name
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%rbp
	RET
.Ltaken_\name:
	mov	%rdx, %rax
	mov	%rbp, %rsp
	pop	%rbp
	/* the body's return address; now all is as it was before the call to the function */
	add	$8, %rsp
	UNWIND_HINT_FUNC
	RET
SYM_FUNC_END(stock_trampoline_\name)
.endm

	.text
TRAMPOLINE prep
TRAMPOLINE split
TRAMPOLINE mq
TRAMPOLINE enter
TRAMPOLINE submit
TRAMPOLINE nocheck
TRAMPOLINE noacct
TRAMPOLINE charged
TRAMPOLINE chain
TRAMPOLINE dead
TRAMPOLINE release
TRAMPOLINE link
