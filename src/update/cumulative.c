// SPDX-License-Identifier: Apache-2.0

#include "update/cumulative.h"

#include "base/clock.h"
#include "repo/tree.h"
#include "update/pool.h"

#include <string.h>

enum { US_A_S = 1000 * 1000 };

void
graft_cumulative_deinit(struct graft_cumulative *cumulative)
{
	graft_wanted_deinit(&cumulative->wanted);
	graft_apt_plan_deinit(&cumulative->plan);
}

struct graft_error *
graft_cumulative_ask(const struct graft_release *const *releases, size_t count,
		     const struct graft_cumulative_way *way,
		     struct graft_cumulative *ret)
{
	struct graft_error *err = graft_wanted_find(releases, count,
						    &ret->wanted);

	if (!err && way->pool)
		err = graft_pool_find(way->pool, releases, count, &ret->wanted);
	if (err || !ret->wanted.older)
		return err;
	return graft_apt_ask(&ret->wanted, way->refresh, way->wait_s, way->log,
			     &ret->unknown, &ret->plan);
}

/** See that packages and builds are those of releases. */
GRAFT_MUST_CHECK static struct graft_error *
check(const struct graft_release *const *releases, size_t count)
{
	GRAFT_CLEANUP(graft_wanted_deinit)
	struct graft_wanted_list wanted = { 0 };
	struct graft_error *err = graft_wanted_find(releases, count, &wanted);

	for (size_t i = 0; !err && i < wanted.count; i++) {
		if (wanted.list[i].older)
			err = graft_error_new(
				GRAFT_ERROR_REFUSED,
				"%s is here in version %s, and shall be in %s",
				wanted.list[i].name, wanted.list[i].installed,
				wanted.list[i].version);
		else if (!wanted.list[i].whole)
			err = graft_error_new(
				GRAFT_ERROR_REFUSED,
				"%s is installed in part only: dpkg "
				"--configure -a, or apt-get -f install",
				wanted.list[i].name);
	}
	return err ? err : graft_wanted_check_builds(&wanted, releases, count);
}

struct graft_error *
graft_cumulative_install(struct graft_update_state *state, bool again,
			 uint32_t wait_s)
{
	struct graft_update_record *record = graft_update_state_record(state);
	const struct graft_release *const *releases =
		graft_update_state_releases(state);
	const char *log = graft_update_state_log(state);
	GRAFT_CLEANUP(graft_cumulative_deinit)
	struct graft_cumulative cumulative = { 0 };

	const char *pool = graft_update_state_pool(state);
	const struct graft_cumulative_way way = {
		.pool = pool,
		.log = log,
		.refresh = true,
		.wait_s = wait_s,
	};
	const size_t count = record->releases.count;

	struct graft_error *err = again ? graft_apt_settle(log) : NULL;
	if (!err && again)
		err = graft_cumulative_ask(releases, count, &way, &cumulative);
	else if (!err)
		err = graft_wanted_find(releases, count, &cumulative.wanted);
	if (!err && !again)
		err = graft_pool_find(pool, releases, count,
				      &cumulative.wanted);
	if (!err && cumulative.wanted.older)
		err = graft_apt_install(&cumulative.wanted, wait_s, log);
	if (!err)
		err = check(releases, count);
	// The boot in which the last package changed: what runs was begun before.
	if (!err)
		err = graft_boot_id_read(record->boot_id);
	if (err)
		return err;
	record->step = GRAFT_UPDATE_WAITING;
	record->updated = (int64_t)(graft_clock_now_us() / US_A_S);
	err = graft_update_state_put(state);
	// What is left of it costs space, and nothing else.
	if (!err)
		graft_error_free(graft_tree_remove(pool));
	return err;
}

struct graft_error *
graft_cumulative_check(struct graft_update_state *state)
{
	return check(graft_update_state_releases(state),
		     graft_update_state_record(state)->releases.count);
}

struct graft_error *
graft_cumulative_was_restarted(struct graft_update_state *state, bool *ret)
{
	char now[GRAFT_BOOT_ID_LEN];
	struct graft_error *err = graft_boot_id_read(now);

	if (!err)
		*ret = strcmp(now, graft_update_state_record(state)->boot_id) !=
		       0;
	return err;
}
