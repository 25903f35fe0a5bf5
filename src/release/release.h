// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A release: what it fixes, for whom, in which forms, and what it takes the place of.
 *
 * It is plain data. Written down it is a target of a repository, `releases/ID.json`, with
 * fixed keys in a fixed order; what is read must be what would be written, so that
 * there is one way to say a thing. Who may say it is up to the repository that signs it.
 */

#ifndef GRAFT_RELEASE_RELEASE_H
#define GRAFT_RELEASE_RELEASE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "release/level.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of a release as JSON. */
	GRAFT_RELEASE_BYTES_MAX = 4 << 20,
	/** Elements of each of its lists. */
	GRAFT_RELEASE_LIST_MAX = 4096,
	/** Bytes of each of its texts. */
	GRAFT_RELEASE_TEXT_MAX = 1024,
	GRAFT_RELEASE_DATE_LEN = 11,
	GRAFT_RELEASE_SHA256_LEN = 65,
};

/** Which line of releases it is of. */
enum graft_release_line {
	GRAFT_RELEASE_BASELINE,
	GRAFT_RELEASE_HOTPATCH,
	GRAFT_RELEASE_OUT_OF_BAND,
	GRAFT_RELEASE_CUMULATIVE,
	GRAFT_RELEASE_LINES,
};

enum graft_release_class {
	GRAFT_RELEASE_SECURITY,
	GRAFT_RELEASE_BUGFIX,
	GRAFT_RELEASE_FEATURE,
	GRAFT_RELEASE_CLASSES,
};

enum graft_release_severity {
	GRAFT_RELEASE_CRITICAL,
	GRAFT_RELEASE_IMPORTANT,
	GRAFT_RELEASE_MODERATE,
	GRAFT_RELEASE_LOW,
	GRAFT_RELEASE_NONE,
	GRAFT_RELEASE_SEVERITIES,
};

/** In which form fixes come. */
enum graft_release_kind {
	/** A `.graft` for memory alone. */
	GRAFT_RELEASE_FORM_HOTPATCH,
	/** A `.graft` with its part for the disk. */
	GRAFT_RELEASE_FORM_DELTA,
	/** A package whole. */
	GRAFT_RELEASE_FORM_PACKAGE,
	GRAFT_RELEASE_FORMS,
};

/** A list of texts. */
struct graft_words {
	char **list;
	size_t count;
	size_t cap;
};

/** A file that belongs to a release: a target beside it. */
struct graft_release_form {
	enum graft_release_kind kind;
	char *path;
	uint64_t length;
	char sha256[GRAFT_RELEASE_SHA256_LEN];
};

/** A package that a release brings. */
struct graft_release_package {
	char *name;
	/** NULL: whatever is there. */
	char *old_version;
	char *version;
};

/** A file of code that a release changes. */
struct graft_release_module {
	char *path;
	/** Digits. NULL: whatever is there; it is of a package that comes whole. */
	char *old_build_id;
	char *new_build_id;
	/** As patch.h calls them: "hotpatch", "proven". NULL, both, where there is no old one. */
	char *verdict;
	char *assurance;
};

/** A release. */
struct graft_release {
	/** "GP-2026-0042". */
	char *id;
	enum graft_release_line line;
	/** "2026-11-10". */
	char date[GRAFT_RELEASE_DATE_LEN];
	/** Which level a device has that took it. */
	graft_level level;
	enum graft_release_class classification;
	enum graft_release_severity severity;
	char *title;
	struct graft_words cves;
	struct graft_words articles;
	/** Id of the baseline that it is for; NULL: none. */
	char *requires_baseline;
	struct graft_words supersedes;
	/** Id of the release with the same fixes for those who cannot have this one; NULL: none. */
	char *cumulative;
	/** Who takes it has the next hotpatch without a restart. */
	bool keeps_track;
	bool restart;
	/** How many devices leave the track; 0 with @ref keeps_track. */
	uint64_t leaves_track;
	struct graft_release_form *forms;
	size_t form_count;
	size_t form_cap;
	struct graft_release_package *packages;
	size_t package_count;
	size_t package_cap;
	struct graft_release_module *modules;
	size_t module_count;
	size_t module_cap;
};

/** Make an empty release. */
GRAFT_MUST_CHECK struct graft_error *
graft_release_new(struct graft_release **ret);

/** Free a release. NULL is a no-op. */
void
graft_release_free(struct graft_release *release);
GRAFT_DEFINE_CLEANUP(struct graft_release, graft_release_free)

/** Say whether a release is switched to in memory, whatever its line is called. */
bool
graft_release_is_hot(const struct graft_release *release);

/** Append a release as JSON, with a line feed behind it. */
void
graft_release_encode(const struct graft_release *release,
		     struct graft_text *out);

/**
 * Read a release.
 *
 * @param[in] bytes Untrusted; of @p len bytes.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT, of a key that is unknown with the nearest one;
 * #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_UNSUPPORTED of a newer format.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_decode(const void *bytes, size_t len, struct graft_release **ret);

/** Get the name of a line: "out-of-band". Static. */
const char *
graft_release_line_name(enum graft_release_line line);

/** Get the name of a classification. Static. */
const char *
graft_release_class_name(enum graft_release_class classification);

/** Get the name of a severity. Static. */
const char *
graft_release_severity_name(enum graft_release_severity severity);

/** The same by number, for readers of words of any kind. */
static inline const char *
graft_release_line_word(unsigned int i)
{
	return graft_release_line_name((enum graft_release_line)i);
}

static inline const char *
graft_release_class_word(unsigned int i)
{
	return graft_release_class_name((enum graft_release_class)i);
}

static inline const char *
graft_release_severity_word(unsigned int i)
{
	return graft_release_severity_name((enum graft_release_severity)i);
}

/** Get the name of a form. Static. */
const char *
graft_release_kind_name(enum graft_release_kind kind);

/** Find a word among names. @return Its index, or -1. */
int
graft_release_name_find(const char *word, const char *(*name)(unsigned int),
			unsigned int count);

/** Add a copy of a word to a list. @return NULL; #GRAFT_ERROR_LIMIT; no memory. */
GRAFT_MUST_CHECK struct graft_error *
graft_words_add(struct graft_words *words, const char *word);

/** Ask whether a list has a word. */
bool
graft_words_have(const struct graft_words *words, const char *word);

/** Ask whether a word is the id of a release: "GP-2026-0042". */
bool
graft_release_is_id(const char *word);

/** Ask whether a word is a day: "2026-11-10". */
bool
graft_release_is_date(const char *word);

/** Ask whether a word is a CVE: "CVE-2026-12345". */
bool
graft_release_is_cve(const char *word);

/** Ask whether a word is the name of a Debian package, and nothing that apt-get(8) reads otherwise. */
bool
graft_release_is_package(const char *word);

/** Ask whether a word is the version of one. */
bool
graft_release_is_version(const char *word);

/** Ask whether a word is a text that may be said: UTF-8, not empty, not too long. */
bool
graft_release_is_text(const char *word);

#endif /* GRAFT_RELEASE_RELEASE_H */
