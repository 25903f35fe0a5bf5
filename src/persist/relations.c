// SPDX-License-Identifier: Apache-2.0

#include "persist/relations.h"

#include "base/cleanup.h"
#include "base/deb_version.h"

#include <stdio.h>
#include <string.h>

enum {
	WORD_LEN = 256,
};

/** "name:any (>= 1.0) [amd64]" taken apart. */
struct clause {
	char name[WORD_LEN];
	/** "" if any version will do. */
	char relation[4];
	char version[WORD_LEN];
};

/** Take one alternative apart; false: it is none that is understood. */
static bool
parse(const char *text, size_t len, struct clause *ret)
{
	char copy[2 * WORD_LEN];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*ret = (struct clause){ 0 };
	if (sscanf(copy, " %255[^ (\t\n]", ret->name) != 1)
		return false;
	ret->name[strcspn(ret->name, ":")] = '\0';
	const char *open = strchr(copy, '(');
	return !open || sscanf(open, "( %2[<>=] %255[^) ]", ret->relation,
			       ret->version) == 2;
}

/** Get the length of the clause that starts here; skips what stands before it. */
static size_t
next_clause(const char **at)
{
	*at += strspn(*at, ", \t\n");
	return strcspn(*at, ",");
}

const char *
graft_relations_find_broken(const char *clauses, const char *package,
			    const char *version, size_t *len_ret)
{
	const char *at = clauses;

	for (size_t len; (len = next_clause(&at)) > 0; at += len) {
		struct clause clause;
		if (memchr(at, '|', len) || !parse(at, len, &clause) ||
		    strcmp(clause.name, package) != 0 || !clause.relation[0] ||
		    graft_deb_version_satisfies(version, clause.relation,
						clause.version))
			continue;
		*len_ret = len;
		return at;
	}
	return NULL;
}

/** Say whether the same clause stands in a list. */
static bool
has_clause(const char *list, const char *clause, size_t clause_len)
{
	for (size_t len; (len = next_clause(&list)) > 0; list += len) {
		if (len == clause_len && strncmp(list, clause, len) == 0)
			return true;
	}
	return false;
}

/** Say whether a line of what is installed satisfies an alternative. */
static bool
line_satisfies(const char *line, size_t len, const struct clause *clause)
{
	char name[WORD_LEN];
	char version[WORD_LEN];
	GRAFT_FREE char *copy = strndup(line, len);

	if (!copy || sscanf(copy, "%255[^\t]\t%255[^\t]", name, version) != 2)
		return false;
	if (strcmp(name, clause->name) == 0)
		return !clause->relation[0] ||
		       graft_deb_version_satisfies(version, clause->relation,
						   clause->version);
	const char *provided = strchr(copy, '\t');
	provided = provided ? strchr(provided + 1, '\t') : NULL;
	if (!provided)
		return false;
	provided++;
	for (size_t n; (n = next_clause(&provided)) > 0; provided += n) {
		struct clause one;
		if (!parse(provided, n, &one) ||
		    strcmp(one.name, clause->name) != 0)
			continue;
		// What is provided without a version satisfies none.
		if (!clause->relation[0] ||
		    (one.version[0] &&
		     graft_deb_version_satisfies(one.version, clause->relation,
						 clause->version)))
			return true;
	}
	return false;
}

/** Say whether a line of what is installed is of a package. */
static bool
is_line_of(const char *line, const char *name)
{
	const size_t len = strlen(name);

	return strncmp(line, name, len) == 0 && line[len] == '\t';
}

/**
 * Say whether anything that is installed satisfies a clause with its alternatives.
 *
 * @param[in] self Name of a package that does not count; or NULL.
 */
static bool
is_satisfied(const char *text, size_t len, const char *self,
	     const char *installed)
{
	for (size_t at = 0; at < len;) {
		struct clause clause;
		const char *bar = memchr(text + at, '|', len - at);
		size_t one = bar ? (size_t)(bar - text) - at : len - at;
		if (parse(text + at, one, &clause)) {
			for (const char *line = installed; *line;) {
				size_t line_len = strcspn(line, "\n");
				if (!(self && is_line_of(line, self)) &&
				    line_satisfies(line, line_len, &clause))
					return true;
				line += line_len + (line[line_len] == '\n');
			}
		}
		at += one + 1;
	}
	return false;
}

const char *
graft_relations_find_missing(const char *old, const char *new,
			     const char *installed, size_t *len_ret)
{
	const char *at = new;

	for (size_t len; (len = next_clause(&at)) > 0; at += len) {
		if (has_clause(old, at, len) ||
		    is_satisfied(at, len, NULL, installed))
			continue;
		*len_ret = len;
		return at;
	}
	return NULL;
}

const char *
graft_relations_find_present(const char *old, const char *new, const char *self,
			     const char *installed, size_t *len_ret)
{
	const char *at = new;

	for (size_t len; (len = next_clause(&at)) > 0; at += len) {
		if (has_clause(old, at, len) ||
		    !is_satisfied(at, len, self, installed))
			continue;
		*len_ret = len;
		return at;
	}
	return NULL;
}

/** Say whether a clause of one package holds for a version. */
static bool
holds(const struct clause *clause, const char *version)
{
	return !clause->relation[0] ||
	       graft_deb_version_satisfies(version, clause->relation,
					   clause->version);
}

const char *
graft_relations_find_begun(const char *clauses, const char *package,
			   const char *from, const char *to, size_t *len_ret)
{
	const char *at = clauses;

	for (size_t len; (len = next_clause(&at)) > 0; at += len) {
		struct clause clause;
		if (!parse(at, len, &clause) ||
		    strcmp(clause.name, package) != 0 || holds(&clause, from) ||
		    !holds(&clause, to))
			continue;
		*len_ret = len;
		return at;
	}
	return NULL;
}
