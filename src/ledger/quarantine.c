// SPDX-License-Identifier: Apache-2.0

#include "ledger/quarantine.h"

#include "base/file.h"
#include "base/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BYTES_MAX = 16 << 20,
	HEX_LEN = 2 * GRAFT_SHA256_LEN,
	/** Of a number: UINT64_MAX has 20. */
	DIGITS_MAX = 20,
	SIGNAL_MAX = 64,
};

static const char first_line[] = "graft-quarantine 1";

/** A line that is being read. */
struct line {
	const char *name;
	size_t number;
	const char *at;
	const char *end;
};

/** A word of a line; no word has a length of 0. */
struct word {
	const char *at;
	size_t len;
};

void
graft_quarantine_free(struct graft_quarantine *quarantine)
{
	if (!quarantine)
		return;
	for (size_t i = 0; i < quarantine->count; i++)
		free(quarantine->entries[i].changes);
	free(quarantine->entries);
	free(quarantine);
}

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
	if (!entry->released && !is_word(&kind, "held"))
		return wrong(line, "neither 'held' nor 'released'");
	if (id.len != GRAFT_QUARANTINE_ID_LEN || !is_hex(id.at, id.len))
		return wrong(line, "the id of a hotpatch has 32 hex digits");
	memcpy(entry->id, id.at, id.len);
	if (!read_number(&time, INT64_MAX, &entry->time_us))
		return wrong(line, "the time is no number");
	if (graft_quarantine_find(quarantine, entry->id))
		return wrong(line, "the same hotpatch twice");
	// From here on what it owns is freed with the rest.
	quarantine->count++;
	struct graft_error *err = entry->released ? NULL
						  : read_held(line, entry);
	if (!err && line->at != line->end)
		err = wrong(line, "something behind the last word");
	return err;
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
	if (len < sizeof(first_line) ||
	    memcmp(text, first_line, sizeof(first_line) - 1) != 0 ||
	    text[sizeof(first_line) - 1] != '\n')
		return wrong(&line, "this is no quarantine of format 1");
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
	graft_text_printf(text, "%s\n", first_line);
	for (size_t i = 0; i < quarantine->count; i++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i];
		graft_text_printf(text, "%s %s %" PRIu64,
				  e->released ? "released" : "held", e->id,
				  e->time_us);
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

GRAFT_MUST_CHECK static struct graft_error *
path_of(const char *state_dir, char **ret)
{
	if (asprintf(ret, "%s/quarantine", state_dir) >= 0)
		return NULL;
	*ret = NULL;
	return graft_error_no_memory();
}

struct graft_error *
graft_quarantine_read(const char *state_dir, struct graft_quarantine **ret)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err = path_of(state_dir, &path);

	if (!err)
		err = graft_file_read(path, BYTES_MAX, &bytes, &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		*ret = calloc(1, sizeof(**ret));
		return *ret ? NULL : graft_error_no_memory();
	}
	// It lies beside the ledger: who may not read one may not read the other.
	if (err && graft_error_code(err) == GRAFT_ERROR_OS) {
		struct graft_error *said = graft_error_new(
			GRAFT_ERROR_LEDGER, "%s", graft_error_message(err));
		graft_error_free(err);
		return said;
	}
	return err ? err
		   : graft_quarantine_parse((const char *)bytes, len, path,
					    ret);
}

struct graft_error *
graft_quarantine_write(const char *state_dir,
		       const struct graft_quarantine *quarantine)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = path_of(state_dir, &path);

	if (err)
		return err;
	graft_quarantine_print(quarantine, &text);
	if (text.failed)
		return graft_error_no_memory();
	return graft_file_write(path, graft_text_str(&text), text.len, 0600);
}

const struct graft_quarantine_entry *
graft_quarantine_find(const struct graft_quarantine *quarantine, const char *id)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		if (strcmp(quarantine->entries[i].id, id) == 0)
			return &quarantine->entries[i];
	}
	return NULL;
}

const struct graft_quarantine_entry *
graft_quarantine_find_change(const struct graft_quarantine *quarantine,
			     const struct graft_quarantine_change *change)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		const struct graft_quarantine_entry *e =
			&quarantine->entries[i];
		for (size_t k = 0; !e->released && k < e->change_count; k++) {
			if (memcmp(&e->changes[k], change, sizeof(*change)) ==
			    0)
				return e;
		}
	}
	return NULL;
}

/** Make a name one word. */
static void
clean_comm(char comm[16])
{
	comm[15] = '\0';
	if (!*comm)
		memcpy(comm, "?", 2);
	for (char *at = comm; *at; at++) {
		if (*at <= ' ' || *at > '~')
			*at = '?';
	}
}

struct graft_error *
graft_quarantine_set(struct graft_quarantine *quarantine,
		     const struct graft_quarantine_entry *entry)
{
	struct graft_quarantine_entry *was = (struct graft_quarantine_entry *)
		graft_quarantine_find(quarantine, entry->id);
	struct graft_quarantine_entry made = *entry;
	size_t count = entry->released ? 0 : entry->change_count;

	if (!was && quarantine->count >= GRAFT_QUARANTINE_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d hotpatches in quarantine",
				       GRAFT_QUARANTINE_MAX);
	if (count > GRAFT_QUARANTINE_CHANGES_MAX)
		count = GRAFT_QUARANTINE_CHANGES_MAX;
	GRAFT_FREE struct graft_quarantine_change *changes =
		calloc(count + 1, sizeof(*changes));
	struct graft_quarantine_entry *more =
		was ? quarantine->entries
		    : reallocarray(quarantine->entries, quarantine->count + 1,
				   sizeof(*more));
	if (more)
		quarantine->entries = more;
	if (!changes || !more)
		return graft_error_no_memory();
	if (count)
		memcpy(changes, entry->changes, count * sizeof(*changes));
	made.changes = GRAFT_TAKE(changes);
	made.change_count = count;
	if (!made.released)
		clean_comm(made.comm);
	if (!was)
		was = &quarantine->entries[quarantine->count++];
	else
		free(was->changes);
	*was = made;
	return NULL;
}
