// SPDX-License-Identifier: Apache-2.0

// The lines of a quarantine.

#include "ledger/quarantine.h"

#include "base/hex.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEX_LEN = 2 * GRAFT_SHA256_LEN,
	/** Of a number: UINT64_MAX has 20. */
	DIGITS_MAX = 20,
	SIGNAL_MAX = 64,
};

static const char first_line[] = "graft-quarantine 1";
/** With what is held for single users; a graft that does not know them refuses it. */
static const char first_line_users[] = "graft-quarantine 2";

/** A line that is being read. */
struct line {
	const char *name;
	size_t number;
	const char *at;
	const char *end;
	/** The file is one with holds for single users. */
	bool users;
};

/** A word of a line; no word has a length of 0. */
struct word {
	const char *at;
	size_t len;
};

GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct line *line, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: line %zu: %s",
			       line->name, line->number, what);
}

/** Take the next word, behind one blank. */
static struct word
next_word(struct line *line)
{
	struct word word = { .at = line->at };

	while (line->at<line->end && * line->at> ' ' && *line->at <= '~')
		line->at++;
	word.len = (size_t)(line->at - word.at);
	if (line->at < line->end && *line->at == ' ' &&
	    line->at + 1 < line->end)
		line->at++;
	return word;
}

static bool
is_word(const struct word *word, const char *text)
{
	return word->len == strlen(text) &&
	       memcmp(word->at, text, word->len) == 0;
}

/** Read a number as it is printed: no sign, no zero in front. */
static bool
read_number(const struct word *word, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!word->len || word->len > DIGITS_MAX ||
	    (word->at[0] == '0' && word->len > 1))
		return false;
	for (size_t i = 0; i < word->len; i++) {
		uint64_t digit = (uint64_t)(word->at[i] - '0');
		if (word->at[i] < '0' || word->at[i] > '9' ||
		    value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

/** Are these hex digits as we print them? */
static bool
is_hex(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!(at[i] >= '0' && at[i] <= '9') &&
		    !(at[i] >= 'a' && at[i] <= 'f'))
			return false;
	}
	return true;
}

static bool
read_sha256(const char *at, uint8_t ret[GRAFT_SHA256_LEN])
{
	char digits[HEX_LEN + 1];
	size_t len;

	if (!is_hex(at, HEX_LEN))
		return false;
	memcpy(digits, at, HEX_LEN);
	digits[HEX_LEN] = '\0';
	struct graft_error *err = graft_hex_decode(digits, GRAFT_SHA256_LEN,
						   ret, &len);
	bool ok = !err;
	graft_error_free(err);
	return ok;
}

/** Read "OLD:NEW,OLD:NEW" or "-". @param[out] why_ret Static; NULL: it is one. */
GRAFT_MUST_CHECK static struct graft_error *
read_changes(const struct word *word, struct graft_quarantine_entry *entry,
	     const char **why_ret)
{
	const size_t one = 2 * HEX_LEN + 1;

	*why_ret = NULL;
	if (is_word(word, "-"))
		return NULL;
	size_t count = (word->len + 1) / (one + 1);
	if (!count || count > GRAFT_QUARANTINE_CHANGES_MAX ||
	    word->len != count * (one + 1) - 1) {
		*why_ret = "the changes are not OLD:NEW,...";
		return NULL;
	}
	entry->changes = calloc(count, sizeof(*entry->changes));
	if (!entry->changes)
		return graft_error_no_memory();
	entry->change_count = count;
	for (size_t i = 0; i < count; i++) {
		const char *at = word->at + i * (one + 1);
		if (!read_sha256(at, entry->changes[i].old_sha256) ||
		    at[HEX_LEN] != ':' ||
		    !read_sha256(at + HEX_LEN + 1,
				 entry->changes[i].new_sha256) ||
		    (i + 1 < count && at[one] != ','))
			*why_ret = "the changes are not OLD:NEW,...";
	}
	return NULL;
}

/** Read what is said of a hotpatch that is held. */
GRAFT_MUST_CHECK static struct graft_error *
read_held(struct line *line, struct graft_quarantine_entry *entry)
{
	struct word pid_word = next_word(line);
	struct word signal_word = next_word(line);
	struct word comm = next_word(line);
	struct word changes = next_word(line);
	const char *why = NULL;
	uint64_t pid;
	uint64_t number;

	if (!read_number(&pid_word, INT32_MAX, &pid) || !pid)
		return wrong(line, "the process is no number");
	if (!read_number(&signal_word, SIGNAL_MAX, &number))
		return wrong(line, "the signal is none");
	if (!comm.len || comm.len >= sizeof(entry->comm))
		return wrong(line, "the name of the process is none");
	entry->pid = (pid_t)pid;
	entry->signal = (int)number;
	memcpy(entry->comm, comm.at, comm.len);
	struct graft_error *err = read_changes(&changes, entry, &why);
	return err || !why ? err : wrong(line, why);
}

/** Read for whom alone one is held. */
GRAFT_MUST_CHECK static struct graft_error *
read_user(struct line *line, struct graft_quarantine_entry *entry)
{
	struct word uid_word = next_word(line);
	struct word taken_word = next_word(line);
	uint64_t uid;

	// Root's holds are everybody's.
	if (!read_number(&uid_word, UINT32_MAX - 1, &uid) || !uid)
		return wrong(line, "the user is none");
	if (!read_number(&taken_word, GRAFT_QUARANTINE_TAKING,
			 &entry->taken_us))
		return wrong(line, "when it was taken out is no number");
	entry->uid = (uid_t)uid;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_line(struct graft_quarantine *quarantine, struct line *line)
{
	struct word kind = next_word(line);
	struct word id = next_word(line);
	struct word time = next_word(line);
	struct graft_quarantine_entry *entry =
		&quarantine->entries[quarantine->count];

	*entry = (struct graft_quarantine_entry){ 0 };
	entry->released = is_word(&kind, "released");
	entry->of_user = line->users && is_word(&kind, "user");
	if (!entry->released && !entry->of_user && !is_word(&kind, "held"))
		return wrong(line, "neither 'held' nor 'released'");
	if (id.len != GRAFT_QUARANTINE_ID_LEN || !is_hex(id.at, id.len))
		return wrong(line, "the id of a hotpatch has 32 hex digits");
	memcpy(entry->id, id.at, id.len);
	if (!read_number(&time, INT64_MAX, &entry->time_us))
		return wrong(line, "the time is no number");
	struct graft_error *err = entry->of_user ? read_user(line, entry)
						 : NULL;
	if (err)
		return err;
	if (entry->of_user
		    ? graft_quarantine_find_user(quarantine, entry->id,
						 entry->uid) != NULL
		    : graft_quarantine_find(quarantine, entry->id) != NULL)
		return wrong(line, "the same hotpatch twice");
	// From here on what it owns is freed with the rest.
	quarantine->count++;
	err = entry->released ? NULL : read_held(line, entry);
	if (!err && line->at != line->end)
		err = wrong(line, "something behind the last word");
	return err;
}

/** Is this the first line of a file? */
static bool
begins_with(const char *text, size_t len, const char *line)
{
	size_t line_len = strlen(line);

	return len > line_len && memcmp(text, line, line_len) == 0 &&
	       text[line_len] == '\n';
}

/** Is anything held for a single user? */
static bool
has_users(const struct graft_quarantine *quarantine)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		if (quarantine->entries[i].of_user)
			return true;
	}
	return false;
}

struct graft_error *
graft_quarantine_parse(const char *text, size_t len, const char *name,
		       struct graft_quarantine **ret)
{
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *quarantine = calloc(1, sizeof(*quarantine));
	struct line line = { .name = name, .number = 1 };
	struct graft_error *err = NULL;
	size_t lines = 0;

	if (!quarantine)
		return graft_error_no_memory();
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if (lines > GRAFT_QUARANTINE_MAX + 1)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: more than %d entries", name,
				       GRAFT_QUARANTINE_MAX);
	quarantine->entries = calloc(lines + 1, sizeof(*quarantine->entries));
	if (!quarantine->entries)
		return graft_error_no_memory();
	line.users = begins_with(text, len, first_line_users);
	if (!line.users && !begins_with(text, len, first_line))
		return wrong(&line, "this is no quarantine of format 1 or 2");
	for (const char *at = text + sizeof(first_line);
	     !err && at < text + len;) {
		line.number++;
		line.at = at;
		line.end = memchr(at, '\n', (size_t)(text + len - at));
		if (!line.end)
			return wrong(&line, "the line has no end");
		at = line.end + 1;
		err = read_line(quarantine, &line);
	}
	if (!err && line.users && !has_users(quarantine))
		err = wrong(&line, "nothing is held for single users");
	if (err)
		return err;
	*ret = GRAFT_TAKE(quarantine);
	return NULL;
}

static void
print_change(const struct graft_quarantine_change *change,
	     struct graft_text *text)
{
	char digits[HEX_LEN + 1];

	graft_hex_encode(change->old_sha256, GRAFT_SHA256_LEN, digits);
	graft_text_put(text, digits);
	graft_hex_encode(change->new_sha256, GRAFT_SHA256_LEN, digits);
	graft_text_printf(text, ":%s", digits);
}

void
graft_quarantine_print(const struct graft_quarantine *quarantine,
		       struct graft_text *text)
{
	graft_text_printf(text, "%s\n",
			  has_users(quarantine) ? first_line_users
						: first_line);
	for (size_t i = 0; i < quarantine->count; i++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i];
		const char *kind = e->of_user ? "user" : "held";
		graft_text_printf(text, "%s %s %" PRIu64,
				  e->released ? "released" : kind, e->id,
				  e->time_us);
		if (e->of_user)
			graft_text_printf(text, " %u %" PRIu64,
					  (unsigned)e->uid, e->taken_us);
		if (!e->released)
			graft_text_printf(text, " %d %d %s %s", (int)e->pid,
					  e->signal, e->comm,
					  e->change_count ? "" : "-");
		for (size_t k = 0; k < e->change_count; k++) {
			graft_text_put(text, k ? "," : "");
			print_change(&e->changes[k], text);
		}
		graft_text_put(text, "\n");
	}
}
