// SPDX-License-Identifier: Apache-2.0

/** @file Members of a report, each of the form that it must have. Inside compliance/ only. */

#ifndef GRAFT_COMPLIANCE_MEMBER_H
#define GRAFT_COMPLIANCE_MEMBER_H

#include "base/error.h"
#include "release/level.h"
#include "trust/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Make the error of a member that is not @p what. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_wrong(const char *key, const char *what);

/**
 * Take a text of 1 to @p max bytes.
 *
 * @param[out] ret Lent by the document.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT with the name of the member, as all of these.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_member_text(const struct graft_node *object, const char *key, size_t max,
		  const char **ret);

/** Take an instant after 1970, in seconds of Unix time. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_instant(const struct graft_node *object, const char *key,
		     int64_t *ret);

/** Take an instant, or null: 0. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_instant_or_null(const struct graft_node *object, const char *key,
			     int64_t *ret);

/** Say whether a member is null; it must be there. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_is_null(const struct graft_node *object, const char *key,
		     bool *ret);

/** Take a member of a kind, or null: NULL. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_or_null(const struct graft_node *object, const char *key,
		     enum graft_node_kind kind, const struct graft_node **ret);

/** Take a list of objects. @return #GRAFT_ERROR_LIMIT, too: of at most #GRAFT_COMPLIANCE_LIST_MAX. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_list(const struct graft_node *object, const char *key,
		  const struct graft_node **ret);

/** Take a level; "unknown" is 0. */
GRAFT_MUST_CHECK struct graft_error *
graft_member_level(const struct graft_node *object, const char *key,
		   graft_level *ret);

#endif /* GRAFT_COMPLIANCE_MEMBER_H */
