// SPDX-License-Identifier: Apache-2.0

#include "release/rules.h"

#include "base/deb_version.h"

#include <string.h>

enum {
	/** "GP-": where the year of an id stands, and how long it is. */
	YEAR_OFF = 3,
	YEAR_LEN = 4,
	/** "2026-11". */
	MONTH_LEN = 7,
};

static bool
has_form(const struct graft_release *release, bool package)
{
	for (size_t i = 0; i < release->form_count; i++) {
		if ((release->forms[i].kind == GRAFT_RELEASE_FORM_PACKAGE) ==
		    package)
			return true;
	}
	return false;
}

/** Check what only hotpatches must be. */
GRAFT_MUST_CHECK static struct graft_error *
check_hot(const struct graft_release *release, bool proven)
{
	if (release->classification != GRAFT_RELEASE_SECURITY)
		return graft_rule_broken(
			GRAFT_RULE_SECURITY, release, "it is a %s release",
			graft_release_class_name(release->classification));
	for (size_t i = 0; i < release->module_count; i++) {
		const struct graft_release_module *m = &release->modules[i];
		if (!m->old_build_id || !m->verdict || !m->assurance)
			return graft_rule_broken(GRAFT_RULE_VERDICT, release,
						 "%.200s is of a package",
						 m->path);
		if (strcmp(m->verdict, "hotpatch") != 0)
			return graft_rule_broken(GRAFT_RULE_VERDICT, release,
						 "%.200s is '%.20s'", m->path,
						 m->verdict);
		if (proven && strcmp(m->assurance, "proven") != 0)
			return graft_rule_broken(GRAFT_RULE_ASSURANCE, release,
						 "%.200s is '%.20s'", m->path,
						 m->assurance);
	}
	if (release->restart || !release->keeps_track)
		return graft_rule_broken(GRAFT_RULE_TRACK, release,
					 release->restart
						 ? "it restarts"
						 : "it does not keep the "
						   "track");
	if (!release->requires_baseline)
		return graft_rule_broken(GRAFT_RULE_BASELINE, release,
					 "for which baseline is it?");
	if (!has_form(release, false) || !release->module_count)
		return graft_rule_broken(GRAFT_RULE_FORMS, release,
					 "no file of it is a hotpatch with "
					 "modules");
	if (!release->cumulative)
		return graft_rule_broken(GRAFT_RULE_CUMULATIVE, release,
					 "it names none");
	return NULL;
}

/** Check what only releases that restart must be. */
GRAFT_MUST_CHECK static struct graft_error *
check_cold(const struct graft_release *release)
{
	if (!release->restart)
		return graft_rule_broken(GRAFT_RULE_TRACK, release,
					 "it does not restart");
	if (release->line == GRAFT_RELEASE_BASELINE && !release->keeps_track)
		return graft_rule_broken(GRAFT_RULE_TRACK, release,
					 "a baseline begins the track, and "
					 "does not leave it");
	if (release->line == GRAFT_RELEASE_BASELINE &&
	    release->requires_baseline)
		return graft_rule_broken(GRAFT_RULE_BASELINE, release,
					 "it is a baseline itself");
	if (!has_form(release, true) || !release->package_count)
		return graft_rule_broken(GRAFT_RULE_FORMS, release,
					 "it has no package");
	// A cumulative release goes to those who are not on the track anyway.
	if (release->line == GRAFT_RELEASE_OUT_OF_BAND &&
	    !release->keeps_track && !release->leaves_track)
		return graft_rule_broken(GRAFT_RULE_LEAVING, release,
					 "it says of none");
	return NULL;
}

/** See that a level is none that is to come: who had it would be past all others. */
GRAFT_MUST_CHECK static struct graft_error *
check_month(const struct graft_release *release)
{
	const struct graft_level_text level = graft_level_write(release->level);

	// Both begin with year and month, as digits.
	return strncmp(level.str, release->date, MONTH_LEN) <= 0
		       ? NULL
		       : graft_rule_broken(GRAFT_RULE_LEVEL, release,
					   "its level is %s, and its date %s",
					   level.str, release->date);
}

struct graft_error *
graft_rules_alone(const struct graft_release *release, bool proven)
{
	if (strncmp(release->id + YEAR_OFF, release->date, YEAR_LEN) != 0)
		return graft_rule_broken(GRAFT_RULE_IDENTITY, release,
					 "its date is %s", release->date);
	if (release->keeps_track && release->leaves_track)
		return graft_rule_broken(GRAFT_RULE_LEAVING, release,
					 "it keeps the track, and says of "
					 "devices that leave it");
	struct graft_error *err = check_month(release);
	if (err)
		return err;
	return graft_release_is_hot(release) ? check_hot(release, proven)
					     : check_cold(release);
}

struct graft_error *
graft_rules_names(const struct graft_catalogue *catalogue,
		  const struct graft_release *release)
{
	const char *id = release->requires_baseline;
	const struct graft_release *other = graft_catalogue_find(catalogue, id);

	if (id && (!other || other->line != GRAFT_RELEASE_BASELINE ||
		   strcmp(other->date, release->date) > 0))
		return graft_rule_broken(GRAFT_RULE_BASELINE, release, "%s %s",
					 id,
					 !other ? "is not there"
					 : other->line != GRAFT_RELEASE_BASELINE
						 ? "is no baseline"
						 : "is later");
	id = release->cumulative;
	other = graft_catalogue_find(catalogue, id);
	if (id && (!other || graft_release_is_hot(other)))
		return graft_rule_broken(
			GRAFT_RULE_CUMULATIVE, release, "%s %s", id,
			other ? "is a hotpatch" : "is not there");
	for (size_t i = 0; i < release->supersedes.count; i++) {
		id = release->supersedes.list[i];
		other = graft_catalogue_find(catalogue, id);
		if (!other || strcmp(other->date, release->date) > 0)
			return graft_rule_broken(
				GRAFT_RULE_SUPERSEDES, release, "%s %s", id,
				other ? "is later" : "is not there");
	}
	return NULL;
}

/** Say which CVE of one release another one does not fix; NULL: it fixes all. */
static const char *
lacks(const struct graft_release *release, const struct graft_release *of)
{
	for (size_t i = 0; i < of->cves.count; i++) {
		if (!graft_words_have(&release->cves, of->cves.list[i]))
			return of->cves.list[i];
	}
	return NULL;
}

/** Say which package of one release another one has not, or not so new; NULL: it has all. */
static const struct graft_release_package *
lacks_package(const struct graft_release *release,
	      const struct graft_release *of)
{
	for (size_t i = 0; i < of->package_count; i++) {
		const struct graft_release_package *wanted = &of->packages[i];
		bool has = false;
		for (size_t k = 0; k < release->package_count && !has; k++) {
			const struct graft_release_package *p =
				&release->packages[k];
			has = strcmp(p->name, wanted->name) == 0 &&
			      graft_deb_version_compare(p->version,
							wanted->version) >= 0;
		}
		if (!has)
			return wanted;
	}
	return NULL;
}

/** Find a module by path and old build. */
static bool
has_module(const struct graft_release *release,
	   const struct graft_release_module *module)
{
	for (size_t i = 0; i < release->module_count; i++) {
		const struct graft_release_module *m = &release->modules[i];
		if (strcmp(m->path, module->path) == 0 &&
		    strcmp(m->old_build_id, module->old_build_id) == 0)
			return true;
	}
	return false;
}

/** Say whether one release comes after another of the same baseline. */
static bool
comes_after(const struct graft_release *release,
	    const struct graft_release *other)
{
	const int order = strcmp(release->date, other->date);

	// On one day by id: that of a day decides nothing else.
	return order > 0 || (order == 0 && strcmp(release->id, other->id) > 0);
}

/** Check a hotpatch against an earlier one of its baseline. */
GRAFT_MUST_CHECK static struct graft_error *
check_earlier(const struct graft_release *release,
	      const struct graft_release *earlier)
{
	const char *cve = lacks(release, earlier);

	if (cve)
		return graft_rule_broken(GRAFT_RULE_CONTENTS, release,
					 "%s fixes %s, and it does not",
					 earlier->id, cve);
	for (size_t i = 0; i < earlier->module_count; i++) {
		if (!has_module(release, &earlier->modules[i]))
			return graft_rule_broken(
				GRAFT_RULE_CONTENTS, release,
				"%s has %.200s of build %.40s, and it has not",
				earlier->id, earlier->modules[i].path,
				earlier->modules[i].old_build_id);
	}
	const struct graft_release_package *package = lacks_package(release,
								    earlier);
	if (package)
		return graft_rule_broken(GRAFT_RULE_CONTENTS, release,
					 "%s brings %.200s to %.200s, and it "
					 "does not",
					 earlier->id, package->name,
					 package->version);
	if (!graft_words_have(&release->supersedes, earlier->id))
		return graft_rule_broken(GRAFT_RULE_SUPERSEDES, release,
					 "it does not name %s", earlier->id);
	return NULL;
}

/** See that a release raises the level of who has another one. */
GRAFT_MUST_CHECK static struct graft_error *
check_above(const struct graft_release *release,
	    const struct graft_release *other)
{
	return !other || release->level > other->level
		       ? NULL
		       : graft_rule_broken(
				 GRAFT_RULE_LEVEL, release,
				 "its level is %s, and that of %s is %s",
				 graft_level_write(release->level).str,
				 other->id,
				 graft_level_write(other->level).str);
}

/** Check the level of a release against those that it names. */
GRAFT_MUST_CHECK static struct graft_error *
check_levels(const struct graft_catalogue *catalogue,
	     const struct graft_release *release)
{
	struct graft_error *err = check_above(
		release,
		graft_catalogue_find(catalogue, release->requires_baseline));

	for (size_t i = 0; !err && i < release->supersedes.count; i++)
		err = check_above(
			release,
			graft_catalogue_find(catalogue,
					     release->supersedes.list[i]));
	return err;
}

struct graft_error *
graft_rules_among(const struct graft_catalogue *catalogue,
		  const struct graft_release *release)
{
	const struct graft_release *cumulative =
		graft_catalogue_find(catalogue, release->cumulative);
	const char *cve = cumulative ? lacks(cumulative, release) : NULL;

	if (cve)
		return graft_rule_broken(GRAFT_RULE_CUMULATIVE, release,
					 "%s does not fix %s", cumulative->id,
					 cve);
	struct graft_error *err = check_levels(catalogue, release);
	if (err || !graft_release_is_hot(release))
		return err;
	const struct graft_release_package *package =
		cumulative ? lacks_package(cumulative, release) : NULL;
	if (package)
		return graft_rule_broken(GRAFT_RULE_CUMULATIVE, release,
					 "%s does not bring %.200s to %.200s",
					 cumulative->id, package->name,
					 package->version);
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct graft_release *other = catalogue->list[i];
		if (!graft_release_is_hot(other) ||
		    strcmp(other->requires_baseline,
			   release->requires_baseline) != 0 ||
		    !comes_after(release, other))
			continue;
		err = check_earlier(release, other);
		if (err)
			return err;
	}
	return NULL;
}
