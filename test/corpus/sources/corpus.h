// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What every module of the corpus may use.
 *
 * A module is one file beside this one, linked with support.c. It defines
 * corpus_phase(). Comments that begin with an at sign are anchors: they mean
 * nothing to the compiler and tell mutants.py where a kind of change can be made.
 */

#ifndef CORPUS_H
#define CORPUS_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A function that stays a function of its own. */
#define HELPER __attribute__((noinline))

/** A visitor: context and key to a number. */
typedef int
corpus_fn(void *arg, int key);

/** Print a line of the results; phase 0 prints none. */
void
say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** The sum of what a visitor answers for the keys 0 to count - 1. */
int
corpus_each(corpus_fn *fn, void *arg, int count);

/** Zeroed memory; ends the process where there is none. */
void *
corpus_alloc(size_t size);

/** A copy of a text. */
char *
corpus_copy(const char *text);

/** A number from a text. */
unsigned
corpus_hash(const char *text);

/** The next number of a fixed sequence. */
unsigned
corpus_random(unsigned *seed);

/** Run one phase: 0 builds the state up, 1 and more work with it. */
void
corpus_phase(int phase);

#ifdef __cplusplus
}
#endif

#endif
