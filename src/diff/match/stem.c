// SPDX-License-Identifier: Apache-2.0

#include "diff/match/stem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Digits of the hash that ends a name of Rust's old mangling. */
	HASH_LEN = 16,
};

static size_t
count_digits(const char *text)
{
	size_t len = 0;

	while (isdigit((unsigned char)text[len]))
		len++;
	return len;
}

/** "_0", or "__10_" from the tenth on. */
static size_t
discriminator(const char *at)
{
	if (at[0] != '_')
		return 0;
	if (isdigit((unsigned char)at[1]))
		return 2;
	size_t digits = at[1] == '_' ? count_digits(at + 2) : 0;
	return digits && at[2 + digits] == '_' ? digits + 3 : 0;
}

/** Does a name with its length in front, "1S", end here? */
static bool
ends_name(const struct graft_stem *stem, const char *at)
{
	for (const char *p = at - 1; p > stem->name; p--) {
		const char *first = p;
		if (!isdigit((unsigned char)p[-1]) ||
		    isdigit((unsigned char)p[0]))
			continue;
		while (first > stem->name && isdigit((unsigned char)first[-1]))
			first--;
		// The length may follow another digit ("C15first").
		for (; first < p; first++) {
			if (strtoull(first, NULL, 10) ==
			    (unsigned long long)(at - p))
				return true;
		}
	}
	return false;
}

/** A number behind a dot: ".1", up to the next dot or the end. */
static size_t
behind_dot(const struct graft_stem *stem, const char *at)
{
	if (at[0] != '.' || !stem->local || at == stem->name)
		return 0;
	size_t digits = count_digits(at + 1);
	bool ends = at[1 + digits] == '\0' || at[1 + digits] == '.';
	return digits && ends ? digits + 1 : 0;
}

/** clang's "3$_1": the number, and the length that it tells in. */
static size_t
of_unit(const struct graft_stem *stem, const char *at)
{
	size_t digits = count_digits(at);

	if (digits && strncmp(at + digits, "$_", 2) == 0)
		return digits;
	return at - stem->name >= 2 && at[-2] == '$' && at[-1] == '_' ? digits
								      : 0;
}

/** The number of a lambda ("UlvE0_") and what may be one's behind it. */
static size_t
of_lambda(const struct graft_stem *stem, const char *at)
{
	if (!stem->lambda || at <= stem->lambda || at[-1] != 'E')
		return 0;
	size_t digits = count_digits(at);
	if (at[digits] != '_')
		return 0;
	return digits + 1 + count_digits(at + digits + 1);
}

/** The number of an unnamed type: "Ut0_". */
static size_t
of_type(const struct graft_stem *stem, const char *at)
{
	bool type = stem->mangled && at - stem->name > 2 && at[-2] == 'U' &&
		    at[-1] == 't';

	return type ? count_digits(at) : 0;
}

/** The number of a local class or static, or of a block of clang's. */
static size_t
of_local(const struct graft_stem *stem, const char *at)
{
	static const char block[] = "_block_invoke";
	size_t len = sizeof(block) - 1;

	if (at[0] != '_')
		return 0;
	if ((size_t)(at - stem->name) >= len &&
	    strncmp(at - len, block, len) == 0)
		return count_digits(at + 1) ? 1 + count_digits(at + 1) : 0;
	size_t number = stem->entity && at > stem->entity ? discriminator(at)
							  : 0;
	return number && (at[-1] == 'E' || ends_name(stem, at)) ? number : 0;
}

/** The hash of Rust's old mangling: "17h0123456789abcdefE". */
static size_t
of_hash(const struct graft_stem *stem, const char *at)
{
	if (!stem->mangled || at - stem->name < 5 ||
	    strncmp(at - 3, "17h", 3) != 0)
		return 0;
	for (size_t i = 0; i < HASH_LEN; i++) {
		if (!isxdigit((unsigned char)at[i]))
			return 0;
	}
	return at[HASH_LEN] == 'E' ? HASH_LEN : 0;
}

/** Measure the number that begins at a place of a name; 0 if none does. */
static size_t
number_at(const struct graft_stem *stem, const char *at,
	  enum graft_stem_level level)
{
	// A number begins where no digit is in front of it.
	bool begins = at == stem->name || !isdigit((unsigned char)at[-1]) ||
		      !isdigit((unsigned char)at[0]);
	size_t len = begins ? behind_dot(stem, at) : 0;

	if (begins && !len)
		len = of_unit(stem, at);
	if (level == GRAFT_STEM_COMMON)
		return len;
	if (!len)
		len = of_lambda(stem, at);
	if (begins && !len)
		len = of_type(stem, at);
	if (!len)
		len = of_local(stem, at);
	return len ? len : of_hash(stem, at);
}

struct graft_stem
graft_stem_of(const char *name, bool local)
{
	bool mangled = strncmp(name, "_Z", 2) == 0;

	return (struct graft_stem){
		.name = name,
		.lambda = mangled ? strstr(name + 2, "Ul") : NULL,
		.entity = mangled ? strchr(name + 2, 'Z') : NULL,
		.mangled = mangled,
		.local = local,
	};
}

static const char *
skip(const struct graft_stem *stem, const char *at, enum graft_stem_level level)
{
	for (;;) {
		size_t len = *at ? number_at(stem, at, level) : 0;
		if (!len)
			return at;
		at += len;
	}
}

int
graft_stem_compare(const struct graft_stem *a, const struct graft_stem *b,
		   enum graft_stem_level level)
{
	const char *x = skip(a, a->name, level);
	const char *y = skip(b, b->name, level);

	while (*x && *x == *y) {
		x = skip(a, x + 1, level);
		y = skip(b, y + 1, level);
	}
	return ((unsigned char)*x > (unsigned char)*y) -
	       ((unsigned char)*x < (unsigned char)*y);
}

bool
graft_stem_is_numbered(const struct graft_stem *stem)
{
	for (const char *at = stem->name; *at; at++) {
		if (number_at(stem, at, GRAFT_STEM_ALL))
			return true;
	}
	return false;
}
