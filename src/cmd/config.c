// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "agent/config.h"
#include "agent/scope.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/settings.h"
#include "base/text.h"
#include "cmd/device.h"
#include "cmd/failure.h"
#include "cmd/print.h"
#include "cmd/usage.h"
#include "compliance/compliance.h"
#include "release/calendar.h"
#include "release/policy.h"
#include "trust/limits.h"
#include "trust/metadata.h"
#include "trust/secrets.h"
#include "trust/token.h"
#include "update/window.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft config check [FILE]\n"
	"\n"
	"Check a configuration of graftd (" GRAFT_CONFIG_PATH
	" if none is named), and\n"
	"print all that holds with it: what it says, and the defaults of the rest. The files\n"
	"beside it are checked too: restart.conf, policy.conf, calendar.conf, the roots that are\n"
	"trusted, and device.conf of the state directory. One of these that is named is checked\n"
	"alone.\n";

/** What is being checked. */
struct checking {
	/** What was wrong last; what was before that is said. */
	struct graft_error *err;
	struct graft_text text;
};

/** Take what came of one check: all that is wrong is said, and not the first thing alone. */
static void
take(struct checking *checking, struct graft_error *err)
{
	if (!err)
		return;
	if (checking->err) {
		graft_failure_say("config", checking->err);
		graft_error_free(checking->err);
	}
	checking->err = err;
}

GRAFT_MUST_CHECK static struct graft_error *
check_window(const char *text, size_t len, const char *file)
{
	GRAFT_CLEANUP(graft_window_freep) struct graft_window *window = NULL;

	return graft_window_parse(text, len, file, &window);
}

GRAFT_MUST_CHECK static struct graft_error *
check_policy(const char *text, size_t len, const char *file)
{
	GRAFT_FREE struct graft_policy *policy = calloc(1, sizeof(*policy));

	return policy ? graft_policy_parse_beside(text, len, file, policy)
		      : graft_error_no_memory();
}

GRAFT_MUST_CHECK static struct graft_error *
check_calendar(const char *text, size_t len, const char *file)
{
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = NULL;

	return graft_calendar_parse(text, len, file, &calendar);
}

/** Files beside the configuration. */
static const struct kind {
	const char *name;
	struct graft_error *(*check)(const char *text, size_t len,
				     const char *file);
} kinds[] = {
	{ "restart.conf", check_window },
	{ "policy.conf", check_policy },
	{ "calendar.conf", check_calendar },
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/** Check a file of a kind. @param[in] optional It may be missing. */
static void
check_file(struct checking *checking, const struct kind *kind, const char *path,
	   bool optional)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	if (err && optional && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return;
	}
	if (!err)
		err = kind->check((const char *)bytes, len, path);
	if (!err)
		graft_text_printf(&checking->text, "# %s: good\n", path);
	take(checking, err);
}

/** Check what is known of this device. */
static void
check_device(struct checking *checking)
{
	struct graft_facts facts;

	take(checking, graft_device_look(&facts));
}

/** Check a root that is trusted: whoever gets releases by it must have it. */
GRAFT_MUST_CHECK static struct graft_error *
check_root(const struct graft_config *config,
	   const struct graft_config_root *root)
{
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *metadata = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err = graft_file_read(
		root->path, GRAFT_TRUST_ROOT_BYTES, &bytes, &len);

	if (!err) {
		err = graft_metadata_decode(GRAFT_METADATA_ROOT, bytes, len,
					    &metadata);
		return err ? graft_error_prefix(err, "%s is no root",
						root->path)
			   : NULL;
	}
	// By hand one may be named each time.
	if (graft_error_code(err) == GRAFT_ERROR_NOT_FOUND && !config->update) {
		graft_error_free(err);
		return NULL;
	}
	return graft_error_prefix(err, "a root that is trusted first");
}

/** Check the URI of a key in a token. What is wrong with it may be a PIN in it, which is not repeated. */
GRAFT_MUST_CHECK static struct graft_error *
check_token(const char *key, const char *path)
{
	struct graft_token_uri uri;
	struct graft_error *err = graft_token_uri_read(key, &uri);

	return err ? graft_error_prefix(err, "%s: report-key", path) : NULL;
}

/** Check that the password of a proxy is there, and nobody else's to read. */
GRAFT_MUST_CHECK static struct graft_error *
check_proxy_password(const struct graft_config *config, const char *path)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err =
		graft_secrets_open_file(config->proxy_password_file, &fd);

	return err ? graft_error_prefix(err, "%s: proxy-password-file", path)
		   : NULL;
}

/** Check what the lines of a configuration lead to. */
static void
check_beyond(struct checking *checking, const struct graft_config *config,
	     const char *path)
{
	const char *key = config->report_key;

	for (size_t i = 0; config->repository_count && i < config->root_count;
	     i++) {
		struct graft_error *err = check_root(config, &config->roots[i]);
		if (err && config->roots[i].line)
			err = graft_error_prefix(err, "%s: line %zu", path,
						 config->roots[i].line);
		take(checking, err);
	}
	if (config->report_name &&
	    !graft_compliance_is_host(config->report_name))
		take(checking,
		     graft_error_new(GRAFT_ERROR_BAD_INPUT,
				     "%s: report-name: '%.80s' is no name of a "
				     "host: letters, digits, '-', '_', '.', at "
				     "most %d",
				     path, config->report_name,
				     GRAFT_COMPLIANCE_HOST_LEN - 1));
	if (key && *key != '/')
		take(checking, check_token(key, path));
	if (config->proxy_password_file)
		take(checking, check_proxy_password(config, path));
	if (key && *key == '/' && access(key, F_OK) < 0)
		take(checking, graft_error_new(GRAFT_ERROR_NOT_FOUND,
					       "%s: report-key: %s: no such "
					       "file",
					       path, key));
}

/** Check the configuration of graftd. */
static void
check_graftd(struct checking *checking, const char *path, bool optional)
{
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	GRAFT_CLEANUP(graft_agent_scope_freep)
	struct graft_agent_scope *scope = NULL;
	struct graft_error *err = graft_config_read(path, optional, &config);

	if (!err)
		err = graft_agent_scope_make(config, path, &scope);
	take(checking, err);
	if (err)
		return;
	check_beyond(checking, config, path);
	graft_config_print(config, &checking->text);
}

/** Check all files of the folder in which a configuration is. */
GRAFT_MUST_CHECK static struct graft_error *
check_beside(struct checking *checking, const char *path)
{
	const char *slash = strrchr(path, '/');
	const int len = slash ? (int)(slash - path) + 1 : 0;

	for (size_t i = 0; i < KINDS; i++) {
		GRAFT_FREE char *file = NULL;
		if (asprintf(&file, "%.*s%s", len, path, kinds[i].name) < 0) {
			file = NULL;
			return graft_error_no_memory();
		}
		check_file(checking, &kinds[i], file, true);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
check(const char *path, bool optional)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct checking checking = { 0 };
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t i = 0;

	while (i < KINDS && strcmp(kinds[i].name, name) != 0)
		i++;
	if (i < KINDS) {
		check_file(&checking, &kinds[i], path, false);
	} else {
		check_graftd(&checking, path, optional);
		take(&checking, check_beside(&checking, path));
		check_device(&checking);
	}
	text = checking.text;
	return checking.err ? checking.err : graft_print_text(&text);
}

struct graft_error *
graft_verb_config(int argc, char **argv, int *status_ret)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};

	optind = 0;
	int at = getopt_long(argc, argv, ":h", options, NULL);
	if (at >= 0) {
		*status_ret = graft_usage_option(argv, at, usage);
		return NULL;
	}
	if (optind >= argc || strcmp(argv[optind], "check") != 0) {
		*status_ret = graft_usage_wrong(
			argv, "it is `graft config check [FILE]`");
		return NULL;
	}
	if (argc > optind + 2) {
		*status_ret = graft_usage_wrong(argv,
						"'%s' is one argument too many",
						argv[optind + 2]);
		return NULL;
	}
	bool named = argc > optind + 1;
	*status_ret = 0;
	return check(named ? argv[optind + 1] : GRAFT_CONFIG_PATH, !named);
}
