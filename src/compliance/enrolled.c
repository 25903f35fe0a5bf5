// SPDX-License-Identifier: Apache-2.0

#include "compliance/enrolled.h"

#include "compliance/speaker.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A host of a key. */
struct holder {
	struct holder *next;
	char host[GRAFT_COMPLIANCE_HOST_LEN];
};

/** A key, and the hosts that have it: one, unless somebody copied files. */
struct owned {
	char key_id[GRAFT_KEY_ID_LEN];
	struct holder *holders;
};

static void
owned_free(void *arg)
{
	struct owned *owned = arg;

	for (struct holder *next; owned->holders; owned->holders = next) {
		next = owned->holders->next;
		free(owned->holders);
	}
	free(owned);
}

void
graft_compliance_enrolled_deinit(struct graft_compliance_enrolled *enrolled)
{
	tdestroy(enrolled->root, owned_free);
	enrolled->root = NULL;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct owned *)a)->key_id,
		      ((const struct owned *)b)->key_id);
}

/** Find a key; NULL: there is none. */
static struct owned *
find(const struct graft_compliance_enrolled *enrolled, const char *key_id)
{
	struct owned wanted = { 0 };

	(void)snprintf(wanted.key_id, sizeof(wanted.key_id), "%s", key_id);
	struct owned **node = tfind(&wanted, &enrolled->root, compare);
	return node ? *node : NULL;
}

/** Find a key, or add it. */
GRAFT_MUST_CHECK static struct graft_error *
have(struct graft_compliance_enrolled *enrolled, const char *key_id,
     struct owned **ret)
{
	*ret = find(enrolled, key_id);
	if (*ret)
		return NULL;
	struct owned *owned = calloc(1, sizeof(*owned));
	if (!owned)
		return graft_error_no_memory();
	(void)snprintf(owned->key_id, sizeof(owned->key_id), "%s", key_id);
	if (!tsearch(owned, &enrolled->root, compare)) {
		free(owned);
		return graft_error_no_memory();
	}
	*ret = owned;
	return NULL;
}

struct graft_error *
graft_compliance_enrolled_add(struct graft_compliance_enrolled *enrolled,
			      const char *host, const char *key_id)
{
	struct owned *owned;
	struct graft_error *err = have(enrolled, key_id, &owned);

	if (err)
		return err;
	for (const struct holder *at = owned->holders; at; at = at->next) {
		if (strcmp(at->host, host) == 0)
			return NULL;
	}
	struct holder *holder = calloc(1, sizeof(*holder));
	if (!holder)
		return graft_error_no_memory();
	(void)snprintf(holder->host, sizeof(holder->host), "%s", host);
	holder->next = owned->holders;
	owned->holders = holder;
	return NULL;
}

void
graft_compliance_enrolled_remove(struct graft_compliance_enrolled *enrolled,
				 const char *host, const char *key_id)
{
	struct owned *owned = find(enrolled, key_id);

	if (!owned)
		return;
	// One without a host is left, for the key may come back.
	for (struct holder **at = &owned->holders; *at; at = &(*at)->next) {
		if (strcmp((*at)->host, host) == 0) {
			struct holder *gone = *at;
			*at = gone->next;
			free(gone);
			return;
		}
	}
}

const char *
graft_compliance_enrolled_other(
	const struct graft_compliance_enrolled *enrolled, const char *host,
	const char *key_id)
{
	const struct owned *owned = find(enrolled, key_id);

	for (const struct holder *at = owned ? owned->holders : NULL; at;
	     at = at->next) {
		if (strcmp(at->host, host) != 0)
			return at->host;
	}
	return NULL;
}
