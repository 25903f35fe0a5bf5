// SPDX-License-Identifier: Apache-2.0

#include "repo/names.h"

#include "base/utf8.h"
#include "repo/limits.h"

#include <stdio.h>
#include <string.h>

// Without isalnum(3), which asks the locale.
static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

struct graft_error *
graft_repo_name_check(const char *name)
{
	const size_t len = strlen(name);
	bool good = len > 0 && len <= GRAFT_REPO_NAME_MAX && is_word(*name);

	for (size_t i = 0; i < len; i++)
		good = good && (is_word(name[i]) || strchr("-_.", name[i]));
	return good ? NULL
		    : graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "'%.100s': the name of a role is up to "
				      "%d letters, digits and -_.",
				      name, GRAFT_REPO_NAME_MAX);
}

/** Say what is wrong with a component; NULL if nothing. */
static const char *
check_component(const char *at, size_t len)
{
	if (!len)
		return "it begins or ends with '/', or has two in a row";
	if (*at == '.')
		return "a part of it begins with a dot";
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)at[i];
		if (c < ' ' || c == 0x7f || strchr("\\?#%", c))
			return "it has a character that URLs or file systems "
			       "read otherwise";
	}
	return NULL;
}

bool
graft_repo_same_order(const char *key)
{
	for (; *key; key++) {
		if ((unsigned char)*key >= 0xf0)
			return false;
	}
	return true;
}

struct graft_error *
graft_repo_path_check(const char *path)
{
	const size_t len = strlen(path);
	const char *what = NULL;

	if (len > GRAFT_REPO_PATH_MAX)
		what = "it is too long";
	else if (!graft_utf8_printable(path, len))
		what = "it is no UTF-8";
	else if (!graft_repo_same_order(path))
		what = "it has a character beyond U+FFFF, which some clients "
		       "put in another order";
	for (const char *at = path; !what;) {
		const size_t part = strcspn(at, "/");
		what = check_component(at, part);
		if (!at[part])
			break;
		at += part + 1;
	}
	return what ? graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "'%.200s': no path of a target: %s", path,
				      what)
		    : NULL;
}

struct graft_error *
graft_repo_hashed_name(const char *path, const char *hash, char **ret)
{
	const char *slash = strrchr(path, '/');
	const int folder = slash ? (int)(slash + 1 - path) : 0;

	if (asprintf(ret, "%.*s%s.%s", folder, path, hash, path + folder) < 0) {
		*ret = NULL;
		return graft_error_no_memory();
	}
	return NULL;
}
