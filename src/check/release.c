// SPDX-License-Identifier: Apache-2.0

// Texts that name the release that a build is of: another one is named by each
// build, and until the next start it is OLD's that is shown.

#include "check/walk.h"

#include "base/version.h"

#include <string.h>

/**
 * Ask whether two texts are the same but for the versions of their packages.
 *
 * The old version in one stands where the new one stands in the other, and
 * nothing else differs.
 */
static bool
differ_in_version(const struct graft_check_options *options, const char *o,
		  const char *n)
{
	const char *old_version = options->old_version;
	const char *new_version = options->new_version;

	if (!old_version || !new_version || !*old_version || !*new_version)
		return false;
	size_t old_len = strlen(old_version);
	size_t new_len = strlen(new_version);
	while (*o || *n) {
		if (strncmp(o, old_version, old_len) == 0 &&
		    strncmp(n, new_version, new_len) == 0) {
			o += old_len;
			n += new_len;
		} else if (*o == *n) {
			o++;
			n++;
		} else {
			return false;
		}
	}
	return true;
}

bool
graft_release_only_differs(const struct graft_walk *walk, const char *o,
			   const char *n)
{
	// What differs behind equal texts is something else.
	return strcmp(o, n) != 0 && (differ_in_version(walk->options, o, n) ||
				     graft_version_only_differs(o, n));
}

/** Get the text around a place of an object of OLD or NEW, or NULL. */
static const char *
text_around(const struct graft_world *world, uint64_t addr, uint64_t *back_io,
	    uint64_t *len_ret)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);
	uint64_t back = 0;

	if (!range || !range->bytes)
		return NULL;
	const uint8_t *at = range->bytes + (addr - range->addr);
	while (back < *back_io && at[-(int64_t)back - 1] != 0)
		back++;
	*back_io = back;
	return graft_world_text(world, addr - back, len_ret);
}

struct graft_error *
graft_release_take(struct graft_walk *walk, uint64_t old_addr,
		   uint64_t new_addr, uint64_t same, uint64_t len,
		   uint64_t *taken_ret)
{
	uint64_t old_back = same;
	uint64_t new_back = same;
	uint64_t old_len;
	uint64_t new_len;
	const char *o = text_around(&walk->old_world, old_addr + same,
				    &old_back, &old_len);
	const char *n = text_around(&walk->new_world, new_addr + same,
				    &new_back, &new_len);

	*taken_ret = 0;
	if (!o || !n || old_back != new_back || old_len != new_len ||
	    same - old_back + old_len > len ||
	    !graft_release_only_differs(walk, o, n))
		return NULL;
	*taken_ret = same - old_back + old_len;
	return graft_walk_except(
		walk,
		"text at 0x%llx stays, which names the "
		"release: \"%.60s\"",
		(unsigned long long)(old_addr + same - old_back), o);
}
