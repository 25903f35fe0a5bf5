// SPDX-License-Identifier: Apache-2.0

/** @file The command line of graft-tuf. */

#ifndef GRAFT_TUF_OPTIONS_H
#define GRAFT_TUF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What is to be done. */
enum graft_tuf_verb {
	GRAFT_TUF_INIT,
	GRAFT_TUF_REFRESH,
	GRAFT_TUF_DOWNLOAD,
	/** What was asked for is printed already. */
	GRAFT_TUF_NOTHING,
};

enum {
	/** Targets of one command. */
	GRAFT_TUF_TARGETS_MAX = 1024,
};

/** What the command line says. Strings belong to it. */
struct graft_tuf_options {
	enum graft_tuf_verb verb;
	/** Of init. */
	const char *root;
	const char *metadata_dir;
	const char *metadata_url;
	const char *target_base_url;
	const char *target_dir;
	/** Of a second repository that must agree; NULL: there is none. */
	const char *second_metadata_dir;
	const char *second_metadata_url;
	/** NULL: the first one. */
	const char *second_target_base_url;
	/** NULL: both repositories must agree on all. */
	const char *map;
	const char *target_names[GRAFT_TUF_TARGETS_MAX];
	size_t target_count;
	uint32_t timeout_s;
};

/**
 * Read the command line.
 *
 * @return false, and it was said why, if it is wrong.
 */
bool
graft_tuf_options_read(int argc, char **argv, struct graft_tuf_options *ret);

#endif /* GRAFT_TUF_OPTIONS_H */
