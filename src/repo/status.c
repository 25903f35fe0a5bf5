// SPDX-License-Identifier: Apache-2.0

#include "repo/status.h"

#include "repo/changes.h"
#include "repo/limits.h"
#include "repo/online.h"
#include "repo/signing.h"
#include "trust/instant.h"

#include <string.h>

enum {
	ID_SHOWN = 12,
	/** Targets of a role that are listed in text. */
	TARGETS_SHOWN = 40,
};

/** Append who did and who did not sign. */
GRAFT_MUST_CHECK static struct graft_error *
put_ids(const struct graft_authority *authority,
	const struct graft_metadata *metadata, bool has_signed, bool json,
	struct graft_text *out, size_t *count_ret)
{
	const struct graft_node *keyids = graft_node_get(authority->role,
							 "keyids");
	const struct graft_node *at = graft_node_first(keyids);
	size_t count = 0;

	for (uint32_t i = 0; i < keyids->count; i++) {
		bool one;
		struct graft_error *err = graft_repo_has_signed(
			authority, &at[i], metadata, &one);
		if (err)
			return err;
		if (one != has_signed)
			continue;
		graft_text_put(out, count++ ? (json ? "," : ", ") : "");
		if (json) {
			graft_json_put_string(out, at[i].text, at[i].len);
		} else {
			GRAFT_CLEANUP(graft_text_deinit)
			struct graft_text id = { 0 };
			graft_text_printf(&id, "%.*s", ID_SHOWN, at[i].text);
			graft_text_put_safe(out, graft_text_str(&id));
		}
	}
	*count_ret = count;
	return NULL;
}

/** Append for a staged role how many signatures it has, and who can add more. */
GRAFT_MUST_CHECK static struct graft_error *
put_signers_text(const struct graft_repo *repo,
		 const struct graft_repo_role *role, struct graft_text *out)
{
	const struct graft_repo_asked asked = graft_repo_ask(repo, role);

	for (size_t i = 0; i < asked.count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text have = { 0 };
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text lack = { 0 };
		const uint64_t threshold =
			(uint64_t)graft_node_get(asked.list[i].role,
						 "threshold")
				->number;
		size_t count;
		size_t missing;
		struct graft_error *err = put_ids(&asked.list[i],
						  role->staged.metadata, true,
						  false, &have, &count);
		if (!err)
			err = put_ids(&asked.list[i], role->staged.metadata,
				      false, false, &lack, &missing);
		if (err)
			return err;
		graft_text_printf(out, "  %s%zu of %llu signatures",
				  i ? "by the root before: " : "", count,
				  (unsigned long long)threshold);
		if (count)
			graft_text_printf(out, "; signed: %s",
					  graft_text_str(&have));
		if (count < threshold)
			graft_text_printf(
				out,
				"; must still sign, %llu of these: "
				"%s",
				(unsigned long long)(threshold - count),
				graft_text_str(&lack));
		graft_text_put(out, "\n");
	}
	return NULL;
}

/** A list of changes that is being written. */
struct list {
	struct graft_text *out;
	size_t count;
};

static void
put_change(void *arg, const struct graft_repo_change *change)
{
	struct list *list = arg;

	// What says who may sign is never left out.
	if (change->target && ++list->count > TARGETS_SHOWN)
		return;
	graft_text_printf(list->out, "  %c ", change->sign);
	graft_text_put_safe(list->out, change->what);
	graft_text_put(list->out, "\n");
}

static void
put_when(const struct graft_repo *repo, const struct graft_metadata *metadata,
	 struct graft_text *out)
{
	char instant[GRAFT_INSTANT_LEN];

	graft_instant_print(metadata->expires, instant);
	graft_text_printf(out, "version %llu, %s %s",
			  (unsigned long long)metadata->version,
			  metadata->expires > repo->now ? "expires" : "EXPIRED",
			  instant);
}

GRAFT_MUST_CHECK static struct graft_error *
put_staged_text(const struct graft_repo *repo,
		const struct graft_repo_role *role, struct graft_text *out)
{
	struct list list = { .out = out };

	graft_text_printf(out, "%s staged: ", role->name);
	put_when(repo, role->staged.metadata, out);
	graft_text_put(out, "\n");
	struct graft_error *err = graft_repo_each_change(role, put_change,
							 &list);
	if (list.count > TARGETS_SHOWN)
		graft_text_printf(out,
				  "  and %zu more targets: graft repo status "
				  "--json lists all\n",
				  list.count - TARGETS_SHOWN);
	return err ? err : put_signers_text(repo, role, out);
}

/** Snapshot and timestamp that are live, as far as they are good. */
struct online {
	struct graft_repo_file snapshot;
	struct graft_repo_file timestamp;
};

static void
online_deinit(struct online *online)
{
	graft_repo_file_deinit(&online->snapshot);
	graft_repo_file_deinit(&online->timestamp);
}

GRAFT_MUST_CHECK static struct graft_error *
read_online(const struct graft_repo *repo, struct online *ret)
{
	const struct graft_metadata *root =
		repo->roles[GRAFT_REPO_ROOT]->live.metadata;

	if (!root)
		return NULL;
	struct graft_error *err = graft_repo_read_online(
		repo, GRAFT_METADATA_SNAPSHOT,
		graft_repo_highest(repo, "snapshot", GRAFT_REPO_VERSION_MAX),
		root, &ret->snapshot);
	return err ? err
		   : graft_repo_read_online(repo, GRAFT_METADATA_TIMESTAMP, 0,
					    root, &ret->timestamp);
}

static void
put_live_text(const struct graft_repo *repo, const char *name,
	      const struct graft_metadata *metadata, struct graft_text *out)
{
	graft_text_printf(out, "%s: ", name);
	if (metadata)
		put_when(repo, metadata, out);
	else
		graft_text_put(out, "nothing that its keys signed is live");
	graft_text_put(out, "\n");
}

/** Say of all bins in one line which of them is the first to expire. */
static void
put_bins_text(const struct graft_repo *repo, struct graft_text *out)
{
	const struct graft_metadata *first = NULL;
	size_t count = 0;

	for (size_t i = GRAFT_REPO_TARGETS + 1; i < repo->role_count; i++) {
		const struct graft_metadata *one =
			repo->roles[i]->live.metadata;
		if (!one || !graft_repo_is_bin(repo->roles[i]->name))
			continue;
		count++;
		if (!first || one->expires < first->expires)
			first = one;
	}
	if (!first)
		return;
	graft_text_printf(out, "%zu bins, of which the first: ", count);
	put_when(repo, first, out);
	graft_text_put(out, "\n");
}

struct graft_error *
graft_repo_print_text(struct graft_repo *repo, struct graft_text *out)
{
	GRAFT_CLEANUP(online_deinit) struct online online = { 0 };
	struct graft_error *err = read_online(repo, &online);
	size_t staged = 0;

	if (err)
		return err;
	for (size_t i = 0; i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		if (!graft_repo_is_bin(role->name))
			put_live_text(repo, role->name, role->live.metadata,
				      out);
	}
	put_bins_text(repo, out);
	put_live_text(repo, "snapshot", online.snapshot.metadata, out);
	put_live_text(repo, "timestamp", online.timestamp.metadata, out);
	for (size_t i = 0; i < repo->role_count; i++)
		staged += repo->roles[i]->staged.metadata != NULL;
	if (!staged)
		return NULL;
	graft_text_put(out, "\n");
	return graft_repo_print_staged(repo, NULL, out);
}

/** Append something of each staged role that is meant. */
GRAFT_MUST_CHECK static struct graft_error *
put_each(const struct graft_repo *repo, const char *name,
	 struct graft_error *(*put)(const struct graft_repo *,
				    const struct graft_repo_role *,
				    struct graft_text *),
	 struct graft_text *out)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		const bool meant = !name || strcmp(name, role->name) == 0 ||
				   (strcmp(name, "bins") == 0 &&
				    graft_repo_is_bin(role->name));
		if (meant && role->staged.metadata)
			err = put(repo, role, out);
	}
	return err;
}

struct graft_error *
graft_repo_print_staged(struct graft_repo *repo, const char *name,
			struct graft_text *out)
{
	return put_each(repo, name, put_staged_text, out);
}

GRAFT_MUST_CHECK static struct graft_error *
put_signed_text(const struct graft_repo *repo,
		const struct graft_repo_role *role, struct graft_text *out)
{
	graft_text_printf(out, "%s:\n", role->name);
	return put_signers_text(repo, role, out);
}

struct graft_error *
graft_repo_print_signed(struct graft_repo *repo, const char *name,
			struct graft_text *out)
{
	return put_each(repo, name, put_signed_text, out);
}

static void
put_json_change(void *arg, const struct graft_repo_change *change)
{
	struct list *list = arg;

	graft_text_printf(list->out, "%s{\"change\":\"%s\",\"what\":",
			  list->count++ ? "," : "",
			  change->sign == '+'   ? "new"
			  : change->sign == '-' ? "gone"
						: "other");
	graft_json_put_string(list->out, change->what, strlen(change->what));
	graft_text_put(list->out, "}");
}

static void
put_json_when(const struct graft_repo *repo, const char *name,
	      const struct graft_metadata *metadata, struct graft_text *out)
{
	char instant[GRAFT_INSTANT_LEN];

	graft_text_printf(out, "\"%s\":", name);
	if (!metadata) {
		graft_text_put(out, "null");
		return;
	}
	graft_instant_print(metadata->expires, instant);
	graft_text_printf(
		out, "{\"version\":%llu,\"expires\":\"%s\",\"expired\":%s}",
		(unsigned long long)metadata->version, instant,
		metadata->expires > repo->now ? "false" : "true");
}

/** Append who must sign a staged role. */
GRAFT_MUST_CHECK static struct graft_error *
put_signers_json(const struct graft_repo *repo,
		 const struct graft_repo_role *role, struct graft_text *out)
{
	const struct graft_repo_asked asked = graft_repo_ask(repo, role);

	graft_text_put(out, ",\"signatures\":[");
	for (size_t i = 0; i < asked.count; i++) {
		size_t count;
		graft_text_printf(
			out, "%s{\"by\":\"%s\",\"threshold\":%lld,\"signed\":[",
			i ? "," : "", i ? "the root before" : "its delegator",
			(long long)graft_node_get(asked.list[i].role,
						  "threshold")
				->number);
		struct graft_error *err = put_ids(&asked.list[i],
						  role->staged.metadata, true,
						  true, out, &count);
		graft_text_put(out, "],\"missing\":[");
		if (!err)
			err = put_ids(&asked.list[i], role->staged.metadata,
				      false, true, out, &count);
		if (err)
			return err;
		graft_text_put(out, "]}");
	}
	graft_text_put(out, "]");
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
put_role_json(const struct graft_repo *repo, const struct graft_repo_role *role,
	      struct graft_text *out)
{
	struct list list = { .out = out };

	graft_text_printf(out, "{\"name\":\"%s\",", role->name);
	put_json_when(repo, "live", role->live.metadata, out);
	graft_text_put(out, ",");
	put_json_when(repo, "staged", role->staged.metadata, out);
	struct graft_error *err = NULL;
	if (role->staged.metadata) {
		graft_text_put(out, ",\"changes\":[");
		err = graft_repo_each_change(role, put_json_change, &list);
		graft_text_put(out, "]");
		if (!err)
			err = put_signers_json(repo, role, out);
	}
	graft_text_put(out, "}");
	return err;
}

struct graft_error *
graft_repo_print_json(struct graft_repo *repo, struct graft_text *out)
{
	GRAFT_CLEANUP(online_deinit) struct online online = { 0 };
	struct graft_error *err = read_online(repo, &online);

	if (err)
		return err;
	graft_text_put(out, "{\"roles\":[");
	for (size_t i = 0; !err && i < repo->role_count; i++) {
		graft_text_put(out, i ? ",\n" : "\n");
		err = put_role_json(repo, repo->roles[i], out);
	}
	graft_text_put(out, "],\n");
	put_json_when(repo, "snapshot", online.snapshot.metadata, out);
	graft_text_put(out, ",\n");
	put_json_when(repo, "timestamp", online.timestamp.metadata, out);
	graft_text_put(out, "}\n");
	return err;
}

struct graft_error *
graft_repo_print_targets(struct graft_repo *repo, struct graft_text *out)
{
	for (size_t i = GRAFT_REPO_TARGETS; i < repo->role_count; i++) {
		const struct graft_metadata *metadata =
			graft_repo_current(repo->roles[i]);
		const struct graft_node *key =
			metadata ? graft_node_first(metadata->targets) : NULL;
		const uint32_t count = metadata ? metadata->targets->count : 0;
		for (uint32_t k = 0; k < count; k++) {
			const struct graft_node *target = graft_node_next(key);
			const struct graft_node *hash = graft_node_get(
				graft_node_get(target, "hashes"), "sha256");
			graft_text_put_safe(out, hash ? hash->text : "-");
			graft_text_printf(
				out, " %12lld ",
				(long long)graft_node_get(target, "length")
					->number);
			graft_text_put_safe(out, key->text);
			graft_text_put(out, "\n");
			key = graft_node_next(target);
		}
	}
	return NULL;
}
