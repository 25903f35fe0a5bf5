// SPDX-License-Identifier: Apache-2.0

/** @file What is said of a command line that is wrong: one line, and exit status 2. */

#ifndef GRAFT_CMD_USAGE_H
#define GRAFT_CMD_USAGE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Say what is wrong or missing, and where to read on.
 *
 * @param[in] argv `argv[0]` is the verb. Who asked for JSON gets it said in JSON too.
 * @param[in] fmt What is wrong, in a few words without a full stop.
 * @return Exit status.
 */
int
graft_usage_wrong(char *const *argv, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/**
 * Print the usage if getopt_long(3) found `-h`; else say which option it did not take.
 * It was called with a `:` first in its short options, so that it prints nothing
 * itself.
 *
 * @param[in] argv `argv[0]` is the verb.
 * @param[in] at What it returned.
 * @param[in] usage What `--help` prints.
 * @return Exit status.
 */
int
graft_usage_option(char **argv, int at, const char *usage);

/**
 * Read the number that an option or an argument is: digits and nothing else.
 *
 * @param[in] max The largest that is taken.
 * @param[out] ret Only set where it is one.
 */
bool
graft_usage_number(const char *text, uint32_t max, uint32_t *ret);

#endif /* GRAFT_CMD_USAGE_H */
