// SPDX-License-Identifier: Apache-2.0

#include "release/differences.h"

#include "base/cleanup.h"

#include <cjson/cJSON.h>
#include <string.h>

/** Append the names of what two descriptions say otherwise. */
GRAFT_MUST_CHECK static struct graft_error *
put_differences(const struct graft_text *one, const struct graft_text *other,
		struct graft_text *ret)
{
	cJSON *a = cJSON_Parse(graft_text_str(one));
	cJSON *b = cJSON_Parse(graft_text_str(other));
	const cJSON *member;

	cJSON_ArrayForEach(member, a)
	{
		// Both were written here, with the same keys in the same order.
		if (!cJSON_Compare(
			    member,
			    cJSON_GetObjectItemCaseSensitive(b, member->string),
			    true))
			graft_text_printf(ret, "%s%s", ret->len ? ", " : "",
					  member->string);
	}
	cJSON_ArrayForEach(member, b)
	{
		if (!cJSON_GetObjectItemCaseSensitive(a, member->string))
			graft_text_printf(ret, "%s%s", ret->len ? ", " : "",
					  member->string);
	}
	cJSON_Delete(a);
	cJSON_Delete(b);
	return ret->failed ? graft_error_no_memory() : NULL;
}

struct graft_error *
graft_release_compare(const struct graft_release *one,
		      const struct graft_release *other, bool *same_ret,
		      struct graft_text *differences)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text a = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text b = { 0 };

	graft_release_encode(one, &a);
	graft_release_encode(other, &b);
	if (a.failed || b.failed)
		return graft_error_no_memory();
	*same_ret = a.len == b.len && memcmp(a.str, b.str, a.len) == 0;
	return *same_ret ? NULL : put_differences(&a, &b, differences);
}
