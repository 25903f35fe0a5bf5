// SPDX-License-Identifier: Apache-2.0

// How many devices a release takes off the hotpatch track.

#include "cmd/release.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/usage.h"
#include "compliance/hosts.h"
#include "release/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	INVENTORY_BYTES_MAX = 512 << 20,
};

/** Devices that are being counted. */
struct track {
	const struct graft_policy *policy;
	size_t on;
	size_t all;
	/** Devices of which nobody knows more than the name. */
	size_t unknown;
};

static void
count_device(struct track *track, const struct graft_facts *facts)
{
	track->on += graft_eligible(facts, track->policy).decision ==
		     GRAFT_DECISION_HOTPATCH;
	track->all++;
}

/** Count the devices of a file. */
GRAFT_MUST_CHECK static struct graft_error *
count_file(const char *path, struct track *track)
{
	GRAFT_FREE struct graft_facts *facts = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t count = 0;
	size_t len;

	struct graft_error *err = graft_file_read(path, INVENTORY_BYTES_MAX,
						  &bytes, &len);
	if (!err)
		err = graft_facts_parse((const char *)bytes, len, path, &facts,
					&count);
	for (size_t i = 0; !err && i < count; i++)
		count_device(track, &facts[i]);
	return err;
}

/** Count a host by its last report: one that is silent now is still there. */
static struct graft_error *
count_host(void *arg, const struct graft_compliance_host *host)
{
	struct track *track = arg;

	if (host->report)
		count_device(track, &host->report->facts);
	else
		track->unknown++;
	return NULL;
}

/** Count the hosts of a directory of reports. */
GRAFT_MUST_CHECK static struct graft_error *
count_fleet(const char *dir, struct track *track)
{
	GRAFT_CLEANUP(graft_compliance_hosts_closep)
	struct graft_compliance_hosts *hosts = NULL;
	struct graft_error *err = graft_compliance_hosts_open(dir, false,
							      &hosts);

	if (!err)
		err = graft_compliance_hosts_each(hosts, count_host, track);
	// Nobody enrolled is a wrong directory rather than a fleet without hosts.
	if (!err && track->all + track->unknown == 0)
		err = graft_error_new(GRAFT_ERROR_NOT_FOUND,
				      "%s: no host is enrolled there", dir);
	return err;
}

/** Count the devices of an inventory that are on the hotpatch track. */
GRAFT_MUST_CHECK static struct graft_error *
count_on_track(const struct graft_repo_options *options, struct track *ret)
{
	GRAFT_FREE struct graft_policy *policy = calloc(1, sizeof(*policy));
	struct stat st;

	if (!policy)
		return graft_error_no_memory();
	struct graft_error *err = graft_release_policy(options, true, policy);
	if (err)
		return err;
	// On the track is who would get a hotpatch that is newer than all there are.
	policy->latest++;
	for (size_t i = 0; i < policy->baseline_count; i++)
		policy->baselines[i].newest = policy->latest;
	ret->policy = policy;
	err = stat(options->inventory, &st) == 0 && S_ISDIR(st.st_mode)
		      ? count_fleet(options->inventory, ret)
		      : count_file(options->inventory, ret);
	ret->policy = NULL;
	return err;
}

struct graft_error *
graft_release_count_leaving(const struct graft_repo_options *options,
			    struct graft_release *release)
{
	struct track track = { 0 };
	char silent[64] = "";
	uint32_t meant = 0;

	if (release->line != GRAFT_RELEASE_OUT_OF_BAND || release->keeps_track)
		return NULL;
	if (!options->inventory)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: C-10: devices that take it leave "
				       "the hotpatch track: how many? "
				       "--inventory FILE|DIR --policy FILE",
				       release->id);
	struct graft_error *err = count_on_track(options, &track);
	if (err)
		return err;
	if (track.unknown)
		(void)snprintf(silent, sizeof(silent),
			       " (of %zu more nothing is known)",
			       track.unknown);
	if (!options->leaves_track ||
	    !graft_usage_number(options->leaves_track, UINT32_MAX, &meant) ||
	    meant != track.on)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"%s: C-10: %zu of %zu devices would leave the hotpatch "
			"track%s, and restart with each release until the "
			"next baseline: if that is meant, --leaves-track %zu",
			release->id, track.on, track.all, silent, track.on);
	release->leaves_track = track.on;
	return NULL;
}
