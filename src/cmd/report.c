// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "cmd/device.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "cmd/sync_held.h"
#include "cmd/usage.h"
#include "host/running_kernel.h"
#include "report/vex.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft report [--format vex|cyclonedx-vex]\n"
	"\n"
	"Print for scanners what the upgrades of this host have fixed, as far as the log\n"
	"of dpkg goes back: a vulnerability counts as fixed if no process runs code of\n"
	"that source package from before, because it was restarted or hotpatched; else\n"
	"it is said who does and what helps. No process is stopped.\n"
	"\n"
	"      --format vex            OpenVEX, which is the default\n"
	"      --format cyclonedx-vex  CycloneDX\n"
	"      --state-dir DIR         instead of /var/lib/graft\n";

/** How it is printed. */
typedef struct graft_error *
print_fn(const struct graft_report_fixes *fixes, struct graft_text *text);

/** The fixes of a report, and what they borrow. */
struct fixes {
	struct graft_report_fix *list;
	/** For each: the names of its packages, and the text about the rest. */
	const char ***names;
	char **rests;
	size_t count;
};

static void
fixes_deinit(struct fixes *fixes)
{
	for (size_t i = 0; i < fixes->count; i++) {
		free(fixes->names[i]);
		free(fixes->rests[i]);
	}
	free(fixes->list);
	free(fixes->names);
	free(fixes->rests);
}

/** Is an item about code that was taken away where only packages put some? dpkg has
 * forgotten whose it was: it may have been of any. */
static bool
is_forgotten(const struct graft_sync *sync, const struct graft_sync_item *item)
{
	const struct graft_old_process *p =
		&sync->code->processes[item->process];

	for (size_t i = 0; i < p->file_count; i++) {
		const struct graft_old_file *file =
			&sync->code->files[p->files[i]];
		if (sync->group_of[p->files[i]] == item->group && file->ours &&
		    !file->new_path &&
		    sync->packages->of[p->files[i]] == SIZE_MAX &&
		    graft_held_is_static(file->path))
			return true;
	}
	return false;
}

/** Is an item about old code of a source package, which is still run? */
static bool
is_left(const struct graft_sync *sync, const struct graft_sync_item *item,
	const struct graft_package *package)
{
	const struct graft_package *p = sync->groups[item->group].package;

	return (p && p->source && strcmp(p->source, package->source) == 0 &&
		(item->action == GRAFT_SYNC_DONE ||
		 item->action == GRAFT_SYNC_RESTART ||
		 item->action == GRAFT_SYNC_REFUSED)) ||
	       is_forgotten(sync, item);
}

/** Does a process hold files of a source package from before? */
static bool
is_held(const struct graft_sync *sync, const struct graft_held_process *p,
	const struct graft_package *package)
{
	for (size_t i = 0; i < p->count; i++) {
		size_t at = p->files[i].package;
		const char *source =
			at == SIZE_MAX
				? NULL
				: sync->held->packages->packages[at].source;
		if (source && strcmp(source, package->source) == 0)
			return true;
	}
	return false;
}

/** Append that the kernel of a package does not run, if so. */
static void
put_kernel(const struct graft_package *package, struct graft_text *text)
{
	struct utsname name = { 0 };
	char running[128];

	if (!graft_running_kernel_is_of(package->source))
		return;
	(void)uname(&name);
	graft_running_kernel_version(name.version, running);
	if (graft_running_kernel_has(running, package->version))
		return;
	graft_text_printf(text, "%sthe kernel that runs is ",
			  text->len ? "; " : "");
	graft_text_put_safe(text, *running ? running : name.release);
	graft_text_put(text, ": restart the host");
}

/** Append who still runs old code of a package, or holds other files of it from before,
 * and what helps. */
static void
put_rest(const struct graft_sync *sync, const struct graft_package *package,
	 struct graft_text *text)
{
	for (size_t i = 0; i < sync->item_count; i++) {
		const struct graft_sync_item *item = &sync->items[i];
		const struct graft_old_process *p =
			&sync->code->processes[item->process];
		if (!is_left(sync, item, package))
			continue;
		graft_text_printf(text, "%sprocess %d (", text->len ? "; " : "",
				  (int)p->pid);
		graft_text_put_safe(text, p->comm);
		graft_text_put(text, ") runs the code from before: ");
		if (item->action == GRAFT_SYNC_DONE)
			graft_text_printf(text, "graft sync --pid %d",
					  (int)p->pid);
		else
			graft_unit_put_restart(&sync->units[item->process],
					       p->pid, p->comm, text);
	}
	for (size_t i = 0; i < sync->held->count; i++) {
		const struct graft_held_process *p = &sync->held->processes[i];
		if (!is_held(sync, p, package))
			continue;
		graft_text_printf(text, "%sprocess %d (", text->len ? "; " : "",
				  (int)p->pid);
		graft_text_put_safe(text, p->comm);
		graft_text_put(text, ") holds files from before: ");
		graft_unit_put_restart(&sync->held_units[i], p->pid, p->comm,
				       text);
	}
	put_kernel(package, text);
}

/** Find the fix of a source package and version, or NULL. */
static struct graft_report_fix *
find_fix(struct fixes *fixes, const struct graft_package *package,
	 const char ***names_ret)
{
	for (size_t i = 0; i < fixes->count; i++) {
		struct graft_report_fix *fix = &fixes->list[i];
		if (strcmp(fix->source, package->source) == 0 &&
		    strcmp(fix->version, package->version) == 0) {
			*names_ret = fixes->names[i];
			return fix;
		}
	}
	return NULL;
}

/** Add a package that was upgraded. @param[in] most As many as there are at all. */
GRAFT_MUST_CHECK static struct graft_error *
add_package(struct fixes *fixes, const struct graft_sync *sync,
	    const struct graft_package *package, size_t most)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const char **names;
	struct graft_report_fix *fix = find_fix(fixes, package, &names);

	if (fix) {
		names[fix->package_count++] = package->name;
		return NULL;
	}
	names = calloc(most, sizeof(*names));
	if (!names)
		return graft_error_no_memory();
	put_rest(sync, package, &text);
	size_t at = fixes->count++;
	fixes->names[at] = names;
	names[0] = package->name;
	bool in_memory = text.len == 0;
	struct graft_error *err = graft_text_take(&text, &fixes->rests[at]);
	fixes->list[at] = (struct graft_report_fix){
		.source = package->source,
		.version = package->version,
		.packages = names,
		.package_count = 1,
		.cves = (const char *const *)package->cves,
		.cve_count = package->cve_count,
		.in_memory = in_memory,
		.rest = fixes->rests[at],
	};
	return err;
}

/** Put together what each upgrade fixed and who runs what. */
GRAFT_MUST_CHECK static struct graft_error *
make_fixes(const struct graft_sync *sync, const struct graft_packages *upgraded,
	   struct fixes *fixes)
{
	struct graft_error *err = NULL;
	size_t most = upgraded->count + 1;

	fixes->list = calloc(most, sizeof(*fixes->list));
	fixes->names = calloc(most, sizeof(*fixes->names));
	fixes->rests = calloc(most, sizeof(*fixes->rests));
	if (!fixes->list || !fixes->names || !fixes->rests)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < upgraded->count; i++) {
		const struct graft_package *package = &upgraded->packages[i];
		if (package->old_version && package->cve_count)
			err = add_package(fixes, sync, package, most);
	}
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
print(print_fn *printer)
{
	const struct graft_options options = { 0 };
	const struct graft_sync none = { 0 };
	GRAFT_CLEANUP(graft_sync_deinit)
	struct graft_sync sync = { .dry_run = true };
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *upgraded = NULL;
	GRAFT_CLEANUP(fixes_deinit) struct fixes fixes = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	char host[256] = "localhost";
	struct graft_fact vendor;
	struct graft_error *err = graft_sync_find(&sync, &options, &none);

	if (!err)
		err = graft_sync_find_held(&sync, &options);
	if (!err && sync.no_packages)
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "dpkg-query does not answer");
	if (!err)
		err = graft_packages_find_upgraded(&upgraded);
	if (err)
		return err;
	graft_sync_find_done(&sync);
	err = make_fixes(&sync, upgraded, &fixes);
	if (err)
		return err;
	graft_device_find_vendor(&vendor);
	(void)gethostname(host, sizeof(host) - 1);
	const struct graft_report_fixes report = {
		.fixes = fixes.list,
		.count = fixes.count,
		.now = (uint64_t)time(NULL),
		.host = host,
		.vendor = vendor.str,
		.unseen = sync.code->unseen,
	};
	err = printer(&report, &text);
	return err ? err : graft_print_text(&text);
}

struct graft_error *
graft_verb_report(int argc, char **argv, int *status_ret)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	print_fn *printer = graft_report_print_openvex;

	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, ":h", options, NULL)) >= 0;) {
		if (at != 'f') {
			*status_ret = graft_usage_option(argv, at, usage);
			return NULL;
		}
		if (strcmp(optarg, "vex") == 0)
			printer = graft_report_print_openvex;
		else if (strcmp(optarg, "cyclonedx-vex") == 0)
			printer = graft_report_print_cyclonedx;
		else {
			*status_ret = graft_usage_wrong(
				argv, "'%s' is no format of a report", optarg);
			return NULL;
		}
	}
	if (argc > optind) {
		*status_ret = graft_usage_wrong(
			argv, "'%s' is one argument too many", argv[optind]);
		return NULL;
	}
	*status_ret = 0;
	return print(printer);
}
