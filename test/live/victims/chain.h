// SPDX-License-Identifier: Apache-2.0

/** @file A library in three builds (-DBUILD=1, 2, 3), each a fix of the one before. */

#ifndef CHAIN_H
#define CHAIN_H

/** BUILD * 101, by two functions that must be of one build: 101, 202, 303. */
int
chain_shared(int zero);

/** 2 in build 2, else 1: what it fixed was taken back. */
int
chain_second(int zero);

/** 3 in build 3, else 1. */
int
chain_third(int zero);

/** Reads a byte from @p fd; the byte + 1000 * (BUILD - 1). */
int
chain_block(int fd);

/**
 * With -DCOUNTS, from build 2 on, how often it was called by such builds, as two
 * new variables say: 1000 * one of them + the other. Else -1. With -DRENAMED, build 3
 * calls them otherwise; with -DTABLE they are one array; with -DMORE, build 3 has
 * one more, of which it adds 1000000 times the number.
 */
long
chain_count(void);

/** A function to be kept; from build 2 on one that build 1 does not have. It returns
 * the number of the build. */
int (*chain_pick(int zero))(int zero);

#endif /* CHAIN_H */
