// SPDX-License-Identifier: Apache-2.0

#include "agent/scope.h"

#include "host/unit.h"
#include "proc/cgroup.h"
#include "proc/status.h"

#include <errno.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

struct graft_agent_scope {
	const struct graft_config *config;
	/** For each rule about a user, its number. */
	uid_t *uids;
	/** Some rule includes; what rules ask for. */
	bool includes;
	bool asks_cgroup;
	bool asks_user;
};

void
graft_agent_scope_free(struct graft_agent_scope *scope)
{
	if (!scope)
		return;
	free(scope->uids);
	free(scope);
}

/** Find the number of a user. */
GRAFT_MUST_CHECK static struct graft_error *
find_user(const struct graft_config_rule *rule, const char *name, uid_t *ret)
{
	char *end;

	errno = 0;
	unsigned long number = strtoul(rule->value, &end, 10);
	if (!errno && *end == '\0' && rule->value[0] >= '0' &&
	    rule->value[0] <= '9' && number < (uid_t)-1) {
		*ret = (uid_t)number;
		return NULL;
	}
	const struct passwd *user = getpwnam(rule->value);
	if (!user)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: line %zu: there is no user '%s'",
				       name, rule->line, rule->value);
	*ret = user->pw_uid;
	return NULL;
}

struct graft_error *
graft_agent_scope_make(const struct graft_config *config, const char *name,
		       struct graft_agent_scope **ret)
{
	GRAFT_CLEANUP(graft_agent_scope_freep)
	struct graft_agent_scope *scope = calloc(1, sizeof(*scope));
	struct graft_error *err = NULL;

	if (!scope)
		return graft_error_no_memory();
	scope->config = config;
	scope->uids = calloc(config->rule_count + 1, sizeof(*scope->uids));
	if (!scope->uids)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < config->rule_count; i++) {
		const struct graft_config_rule *rule = &config->rules[i];
		scope->includes |= !rule->exclude;
		scope->asks_user |= rule->what == GRAFT_CONFIG_USER;
		scope->asks_cgroup |= rule->what != GRAFT_CONFIG_USER;
		if (rule->what == GRAFT_CONFIG_USER)
			err = find_user(rule, name, &scope->uids[i]);
	}
	if (err)
		return err;
	*ret = GRAFT_TAKE(scope);
	return NULL;
}

/** Is a control group another one, or below it? */
static bool
is_below(const char *cgroup, const char *root)
{
	size_t len = strlen(root);

	while (len > 0 && root[len - 1] == '/')
		len--;
	return strncmp(cgroup, root, len) == 0 &&
	       (cgroup[len] == '\0' || cgroup[len] == '/');
}

static bool
meets(const struct graft_agent_scope *scope, size_t at,
      const struct graft_agent_subject *subject)
{
	const struct graft_config_rule *rule = &scope->config->rules[at];

	switch (rule->what) {
	case GRAFT_CONFIG_UNIT:
		return subject->unit &&
		       fnmatch(rule->value, subject->unit, 0) == 0;
	case GRAFT_CONFIG_USER:
		return subject->uid == scope->uids[at];
	case GRAFT_CONFIG_CGROUP:
	default:
		return is_below(subject->cgroup, rule->value);
	}
}

bool
graft_agent_scope_has(const struct graft_agent_scope *scope,
		      const struct graft_agent_subject *subject)
{
	bool in = !scope->includes;

	for (size_t i = 0; i < scope->config->rule_count; i++) {
		if (!meets(scope, i, subject))
			continue;
		if (scope->config->rules[i].exclude)
			return false;
		in = true;
	}
	return in;
}

struct graft_error *
graft_agent_scope_ask(const struct graft_agent_scope *scope, pid_t pid,
		      bool *ret)
{
	GRAFT_FREE char *cgroup = NULL;
	GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };
	struct graft_proc_status status = { 0 };
	struct graft_error *err = NULL;

	*ret = false;
	if (scope->asks_cgroup)
		err = graft_cgroup_read(pid, &cgroup);
	if (!err && scope->asks_cgroup)
		err = graft_unit_parse(cgroup, &unit);
	if (!err && scope->asks_user)
		err = graft_proc_status_glance(pid, &status);
	if (err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	const struct graft_agent_subject subject = {
		.unit = unit.name,
		.cgroup = cgroup ? cgroup : "/",
		.uid = status.uid,
	};
	*ret = graft_agent_scope_has(scope, &subject);
	return NULL;
}
