// SPDX-License-Identifier: Apache-2.0

#include "update/apt.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "persist/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	/** Words before those of packages. */
	FIXED_MAX = 24,
	LOCK_LEN = 48,
	WHY_LEN = 400,
};

void
graft_apt_plan_deinit(struct graft_apt_plan *plan)
{
	graft_text_deinit(&plan->upgrades);
	graft_text_deinit(&plan->additions);
	*plan = (struct graft_apt_plan){ 0 };
}

/** A line of a simulation: "Inst name:arch [old] (new where [arch])". */
struct action {
	const char *name;
	size_t name_len;
	/** Without the architecture. */
	size_t plain_len;
	const char *version;
	size_t version_len;
	/** It is here in another version. */
	bool upgrade;
};

/** Take such a line apart. @return false: it is none. */
static bool
read_action(const char *line, struct action *ret)
{
	const char *at = line + strlen("Inst ");

	*ret = (struct action){ .name = at, .name_len = strcspn(at, " \n") };
	ret->plain_len = strcspn(at, " :\n");
	at += ret->name_len;
	at += strspn(at, " ");
	if (*at == '[') {
		ret->upgrade = true;
		at += strcspn(at, "]\n");
		at += *at == ']';
		at += strspn(at, " ");
	}
	if (*at != '(')
		return false;
	ret->version = at + 1;
	ret->version_len = strcspn(at + 1, " )\n");
	return ret->name_len && ret->version_len;
}

/** Note what apt-get would do that it may not. */
static void
complain(struct graft_text *wrong, const char *what, const char *name,
	 size_t len)
{
	graft_text_printf(wrong, "%s%s ", wrong->len ? ", " : "", what);
	graft_text_put_bytes(wrong, name, len);
}

static void
note(struct graft_text *list, const struct action *action)
{
	graft_text_put_bytes(list, action->name, action->name_len);
	graft_text_put(list, " ");
	graft_text_put_bytes(list, action->version, action->version_len);
	graft_text_put(list, "\n");
}

/** Take a line that installs. */
static void
take_install(const struct graft_wanted_list *wanted, const char *line,
	     bool *found, struct graft_text *wrong, struct graft_apt_plan *plan)
{
	struct action action;

	if (!read_action(line, &action)) {
		complain(wrong, "do what is not understood:", line,
			 strcspn(line, "\n"));
		return;
	}
	const struct graft_wanted *one = graft_wanted_get(wanted, action.name,
							  action.plain_len);
	if (one &&
	    (strlen(one->version) != action.version_len ||
	     strncmp(one->version, action.version, action.version_len) != 0)) {
		complain(wrong, "install another version of", action.name,
			 action.name_len);
		return;
	}
	if (!one && action.upgrade) {
		complain(wrong, "upgrade", action.name, action.name_len);
		return;
	}
	if (one)
		found[one - wanted->list] = true;
	note(one ? &plan->upgrades : &plan->additions, &action);
	*(one ? &plan->upgrade_count : &plan->addition_count) += 1;
}

struct graft_error *
graft_apt_read_plan(const struct graft_wanted_list *wanted, const char *text,
		    struct graft_apt_plan *plan)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text wrong = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
	GRAFT_FREE bool *found = calloc(wanted->count + 1, sizeof(*found));

	if (!found)
		return graft_error_no_memory();
	for (const char *line = text; *line;) {
		if (strncmp(line, "Inst ", 5) == 0)
			take_install(wanted, line, found, &wrong, plan);
		else if (strncmp(line, "Remv ", 5) == 0 ||
			 strncmp(line, "Purg ", 5) == 0)
			complain(&wrong, "remove", line + 5,
				 strcspn(line + 5, " \n"));
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	for (size_t i = 0; i < wanted->count; i++) {
		if (wanted->list[i].older && !found[i])
			complain(&wrong, "leave as it is", wanted->list[i].name,
				 strlen(wanted->list[i].name));
	}
	if (!wrong.len)
		return wrong.failed || plan->upgrades.failed ||
				       plan->additions.failed
			       ? graft_error_no_memory()
			       : NULL;
	graft_text_put_safe(&safe, graft_text_str(&wrong));
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"apt-get would %.600s: the release does not name that, and "
		"nothing is done",
		graft_text_str(&safe));
}

static void
free_words(char ***words)
{
	for (size_t i = 0; *words && (*words)[i]; i++)
		free((*words)[i]);
	free(*words);
}

/** Put a command line together. @param[in] simulate Only ask. */
GRAFT_MUST_CHECK static struct graft_error *
make_words(const struct graft_wanted_list *wanted, bool simulate,
	   uint32_t wait_s, char ***ret)
{
	char lock[LOCK_LEN];
	const char *const fixed[] = {
		"apt-get",
		// With both it says what it would refuse: packages on hold.
		"-y",
		simulate ? "-sq" : "-q",
		// Whatever changed since it was asked; who asks is told what would go.
		simulate ? "--no-download" : "--no-remove",
		"--no-install-recommends",
		"-o",
		"APT::Get::AutomaticRemove=false",
		"-o",
		"Dpkg::Options::=--force-confdef",
		"-o",
		"Dpkg::Options::=--force-confold",
		"-o",
		"Dpkg::Use-Pty=0",
		"-o",
		lock,
		"install",
		"--",
	};
	const size_t count = sizeof(fixed) / sizeof(*fixed);
	GRAFT_CLEANUP(free_words)
	char **words = calloc(count + wanted->count + 1, sizeof(*words));
	size_t n = 0;

	if (!words)
		return graft_error_no_memory();
	(void)snprintf(lock, sizeof(lock), "DPkg::Lock::Timeout=%u", wait_s);
	for (size_t i = 0; i < count; i++) {
		words[n] = strdup(fixed[i]);
		if (!words[n++])
			return graft_error_no_memory();
	}
	for (size_t i = 0; i < wanted->count; i++) {
		const struct graft_wanted *one = &wanted->list[i];
		if (!one->older)
			continue;
		// One with a '/' is a file to it, whatever else it knows.
		const int len = one->file ? asprintf(&words[n], "%s", one->file)
					  : asprintf(&words[n], "%s=%s",
						     one->name, one->version);
		if (len < 0) {
			words[n] = NULL;
			return graft_error_no_memory();
		}
		n++;
	}
	*ret = GRAFT_TAKE(words);
	return NULL;
}

/** Ask once. @param[out] unknown_ret It does not know a version. */
GRAFT_MUST_CHECK static struct graft_error *
ask(const struct graft_wanted_list *wanted, uint32_t wait_s, bool *unknown_ret,
    struct graft_apt_plan *plan)
{
	GRAFT_CLEANUP(free_words) char **words = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
	int status = 0;
	struct graft_error *err = make_words(wanted, true, wait_s, &words);

	*unknown_ret = false;
	if (!err)
		err = graft_run_read((const char *const *)words, &out, &status);
	if (err)
		return err;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return graft_apt_read_plan(wanted, graft_text_str(&out), plan);
	*unknown_ret = strstr(graft_text_str(&out), " was not found") != NULL ||
		       strstr(graft_text_str(&out), "Unable to locate") != NULL;
	const char *why = strstr(graft_text_str(&out), "The following packages "
						       "have unmet");
	if (!why)
		why = strstr(graft_text_str(&out), "E: ");
	for (char *c = out.str; c && *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	graft_text_put_safe(&safe, why ? why : "it says nothing of why");
	if (safe.len > WHY_LEN)
		safe.str[WHY_LEN] = '\0';
	return graft_run_failed("apt-get", status, graft_text_str(&safe));
}

struct graft_error *
graft_apt_ask(const struct graft_wanted_list *wanted, bool refresh,
	      uint32_t wait_s, const char *log, bool *unknown_ret,
	      struct graft_apt_plan *plan)
{
	static const char *const argv[] = { "apt-get", "-q", "update", NULL };
	int status = 0;
	struct graft_error *err = ask(wanted, wait_s, unknown_ret, plan);

	if (!err || !*unknown_ret || !refresh)
		return err;
	graft_error_free(err);
	// What it cannot reach of its archives shows by what it knows afterwards.
	err = graft_run_logged(argv, log, &status);
	return err ? err : ask(wanted, wait_s, unknown_ret, plan);
}

/** Run a program that changes packages. */
GRAFT_MUST_CHECK static struct graft_error *
change(const char *const *argv, const char *log)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };
	int status = 0;
	struct graft_error *err = graft_run_logged(argv, log, &status);

	if (err || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return err;
	graft_run_put_tail(log, &why);
	return graft_run_failed(argv[0], status, graft_text_str(&why));
}

struct graft_error *
graft_apt_settle(const char *log)
{
	static const char *const argv[] = { "dpkg",
					    "--force-confdef",
					    "--force-confold",
					    "--configure",
					    "-a",
					    NULL };

	return change(argv, log);
}

struct graft_error *
graft_apt_install(const struct graft_wanted_list *wanted, uint32_t wait_s,
		  const char *log)
{
	GRAFT_CLEANUP(free_words) char **words = NULL;
	struct graft_error *err = make_words(wanted, false, wait_s, &words);

	if (!err)
		err = graft_fault("update-apt");
	if (!err)
		err = change((const char *const *)words, log);
	return err ? err : graft_fault("update-apt-done");
}
