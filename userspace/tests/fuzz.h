/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a fuzz-*.c has for libFuzzer, and for random.c, which does without clang
 */
#ifndef INTERPOSECTL_FUZZ_H
#define INTERPOSECTL_FUZZ_H

#include <stddef.h>

/* Each is put together with others; good ones, mostly */
extern const char *const fuzz_samples[];
extern const size_t n_fuzz_samples;

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#endif
