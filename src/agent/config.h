// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The configuration of graftd: one small file of `key = value` lines.
 *
 * It is read as all settings are (base/settings.h). A key that is not known, a value that is not allowed, or a key
 * that stands twice and may not is an error that names the line: a daemon which guesses what
 * its administrator meant is worse than one that does not start.
 *
 * This file knows no users and no processes: names are looked up in agent/scope.h.
 */

#ifndef GRAFT_AGENT_CONFIG_H
#define GRAFT_AGENT_CONFIG_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where it is unless something else is said. */
#define GRAFT_CONFIG_PATH "/etc/graft/graftd.conf"
/** Where the root of a repository is that is trusted first, unless something else is said. */
#define GRAFT_CONFIG_ROOT_PATH "/etc/graft/root.json"

enum {
	/** Lines that say who is in and who is out. */
	GRAFT_CONFIG_RULES_MAX = 256,
	/** Repositories, and URLs of one. */
	GRAFT_CONFIG_REPOSITORIES_MAX = 4,
	GRAFT_CONFIG_MIRRORS_MAX = 16,
	/** Of a repository's name, with its NUL. */
	GRAFT_CONFIG_NAME_LEN = 33,
	/** Lines of releases (release/release.h). */
	GRAFT_CONFIG_LINES = 4,
};

/** Where packages come from that an update with a restart brings. */
enum graft_config_packages {
	/** Out of the archives of the host; what they do not have, with the release. */
	GRAFT_CONFIG_PACKAGES_ANY,
	GRAFT_CONFIG_PACKAGES_ARCHIVE,
	GRAFT_CONFIG_PACKAGES_REPOSITORY,
	GRAFT_CONFIG_PACKAGES_COUNT,
};

/** What a repository is called that was given no name. */
#define GRAFT_CONFIG_MAIN_NAME "main"

/** A repository and its mirrors. */
struct graft_config_repository {
	char name[GRAFT_CONFIG_NAME_LEN];
	/** In the order in which they are asked; without a `/` at their ends. Owned. */
	char *urls[GRAFT_CONFIG_MIRRORS_MAX];
	size_t url_count;
};

/** The root of a repository. */
struct graft_config_root {
	char name[GRAFT_CONFIG_NAME_LEN];
	/** Owned. */
	char *path;
	/** In the file; 0: it is the default. */
	size_t line;
};

/** Who decides alone; no name: nobody does. */
struct graft_config_decider {
	char name[GRAFT_CONFIG_NAME_LEN];
	size_t line;
};

/** What a rule of the scope is about. */
enum graft_config_what {
	/** A pattern of fnmatch(3) for the name of a unit or container. */
	GRAFT_CONFIG_UNIT,
	/** A user, by name or number: the effective one of the process. */
	GRAFT_CONFIG_USER,
	/** A control group: the processes in it and below. */
	GRAFT_CONFIG_CGROUP,
};

/** A line that says who is in, or out. */
struct graft_config_rule {
	enum graft_config_what what;
	bool exclude;
	/** Owned. */
	char *value;
	/** In the file, from 1. */
	size_t line;
};

/** What a file says. */
struct graft_config {
	struct graft_config_rule *rules;
	size_t rule_count;
	/** Seconds between two looks at all processes. */
	uint32_t interval_s;
	/** Seconds for which a hotpatched process is watched; 0: none is. */
	uint32_t watch_s;
	/** Who the front runs as; its group may read. Owned. */
	char *user;
	char *socket;
	char *socket_group;
	/** Where metrics are written to; NULL: nowhere. Owned. */
	char *metrics_file;
	/** Bring processes to what lies on disk. */
	bool sync;
	/** Hold who loads an old file until it is hotpatched. */
	bool before_main;
	/** Get releases without anybody asking. */
	bool update;
	/** Seconds between two looks for releases, and how many more by chance. */
	uint32_t update_interval_s;
	uint32_t update_jitter_s;
	/** In the order of their first lines. */
	struct graft_config_repository
		repositories[GRAFT_CONFIG_REPOSITORIES_MAX];
	size_t repository_count;
	/** Which roots are trusted first; that of `main` may be there without it. */
	struct graft_config_root roots[GRAFT_CONFIG_REPOSITORIES_MAX + 1];
	size_t root_count;
	/** The first repository that knows a release counts; else all must say the same of it. */
	bool first;
	enum graft_config_packages packages;
	/** URL of a proxy; "none": none is used; NULL: as the environment says, where there is one.
	 * Owned, all three. */
	char *proxy;
	/** Hosts that are asked without it, with ',' between; NULL: none. */
	char *no_proxy;
	/** Path of a file with its name and password; NULL: it asks for none. */
	char *proxy_password_file;
	/** By line of releases, in the order of release/release.h. */
	struct graft_config_decider deciders[GRAFT_CONFIG_LINES];
	/** What reports of compliance call this host; NULL: a hash of its machine-id. Owned. */
	char *report_name;
	/** The key that signs them: a path, or a URI of PKCS#11; NULL: one in the state directory. Owned. */
	char *report_key;
	/** For how many days they are good. */
	uint32_t report_days;
};

/**
 * Decode a configuration.
 *
 * @param[in] text Untrusted, @p len bytes.
 * @param[in] name What errors call it.
 * @param[out] ret New; free with graft_config_free(). What the text does not say has its
 * default.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT and #GRAFT_ERROR_LIMIT with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_config_parse(const char *text, size_t len, const char *name,
		   struct graft_config **ret);

/**
 * Read a file. As graft_config_parse().
 *
 * @param[in] path Of the file.
 * @param[in] optional If there is none, all defaults hold.
 * @param[out] ret As with graft_config_parse().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_config_read(const char *path, bool optional, struct graft_config **ret);

/**
 * Say whether a text is a URL that a repository may have: of a server or a folder, without a user's
 * name or password, which would be said to others.
 */
bool
graft_config_is_repository(const char *text);

/**
 * Split the name of a repository off: "own https://a" or "own=https://a".
 *
 * @param[in] between What stands behind the name.
 * @param[out] name That of `main` if there is none.
 * @return What is behind it, in @p text.
 */
const char *
graft_config_split_name(const char *text, char between,
			char name[GRAFT_CONFIG_NAME_LEN]);

/** Find a repository by its name. @return Its index; the number of them if there is none. */
size_t
graft_config_find_repository(const struct graft_config *config,
			     const char *name);

/** Get the path of a repository's root; NULL: there is no such repository. */
const char *
graft_config_root_path(const struct graft_config *config, const char *name);

/** Free a configuration. NULL is a no-op. */
void
graft_config_free(struct graft_config *config);
GRAFT_DEFINE_CLEANUP(struct graft_config, graft_config_free)

/** Append all that holds, in a form that decodes to the same. */
void
graft_config_print(const struct graft_config *config, struct graft_text *text);

#endif /* GRAFT_AGENT_CONFIG_H */
