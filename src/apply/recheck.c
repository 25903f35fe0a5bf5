// SPDX-License-Identifier: Apache-2.0

#include "apply/recheck.h"

#include "plan/find.h"

#include <errno.h>
#include <string.h>

struct graft_error *
graft_recheck_modules(struct graft_target *target,
		      const struct graft_header *const *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct graft_header *header = headers[i];
		uint8_t id[GRAFT_PATCH_BUILD_ID_MAX];
		if (!header->build_id_addr)
			continue;
		struct graft_error *err =
			graft_target_read(target, header->build_id_addr, id,
					  header->old_build_id_len);
		bool unmapped = err && graft_error_errno(err) == EFAULT;
		if (err && !unmapped)
			return err;
		graft_error_free(err);
		if (unmapped || memcmp(id, header->old_build_id,
				       header->old_build_id_len) != 0)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-12: %s: the process unloaded it meanwhile",
				header->module);
	}
	return NULL;
}

struct graft_error *
graft_recheck_shadows(struct graft_target *target,
		      const struct graft_header *const *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct graft_header *header = headers[i];
		bool whole = false;
		struct graft_error *err = graft_header_is_whole(target, header,
								&whole);
		if (err)
			return err;
		if (!whole)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-12: %s: somebody took its shadow away meanwhile",
				header->module);
	}
	return NULL;
}
