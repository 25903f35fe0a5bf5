// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Members of an object of JSON, read into a structure by a table of what there may be. Inside release/ only.
 *
 * Each member of the table must be there, and no other one.
 */

#ifndef GRAFT_RELEASE_FIELD_H
#define GRAFT_RELEASE_FIELD_H

#include "base/error.h"
#include "trust/document.h"

#include <stdbool.h>
#include <stddef.h>

/** What a value is to be, and what it is read into. */
enum graft_field_kind {
	/** char *, new. */
	GRAFT_FIELD_TEXT,
	/** The same; null leaves it as it is. */
	GRAFT_FIELD_TEXT_OR_NULL,
	/** struct graft_words, each once. */
	GRAFT_FIELD_WORDS,
	GRAFT_FIELD_BOOL,
	/** uint64_t. */
	GRAFT_FIELD_NUMBER,
	/** unsigned int: which of some names. */
	GRAFT_FIELD_NAME,
	/** An array of structures, their count and how many there is room for. */
	GRAFT_FIELD_LIST,
	/** char[], of the one length that its check lets pass. */
	GRAFT_FIELD_FIXED,
	/** graft_level. */
	GRAFT_FIELD_LEVEL,
	/** A number that is read elsewhere. */
	GRAFT_FIELD_FORMAT,
};

/** What an object may hold, and where in a structure it goes. */
struct graft_field {
	const char *key;
	enum graft_field_kind kind;
	size_t off;
	/** Of texts and words: whether one is good. */
	bool (*is)(const char *word);
	/** Of names: which there are. */
	const char *(*name)(unsigned int i);
	unsigned int name_count;
	/** Of lists: what an element holds, and how large it is in memory. */
	const struct graft_field *fields;
	size_t field_count;
	size_t size;
	size_t count_off;
	size_t cap_off;
};

/**
 * Read all members of an object.
 *
 * @param[in] fields All that there are, @p count of them, at most 32.
 * @param[in,out] to A structure of zeroes. What is in it also on error its owner frees.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT names the member, and to an unknown one the nearest; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_field_read_object(const struct graft_node *object,
			const struct graft_field *fields, size_t count,
			void *to);

#endif /* GRAFT_RELEASE_FIELD_H */
