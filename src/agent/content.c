// SPDX-License-Identifier: Apache-2.0

#include "agent/content.h"

#include "base/clock.h"
#include "base/cursor.h"
#include "base/limits.h"
#include "host/budget.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/** Files that are remembered; then it begins anew. */
	ROOM = 4096,
	/** Program headers, and bytes of notes, that are looked at. */
	HEADERS_MAX = 64,
	NOTES_MAX = 4096,
	/** How long what was hashed for a user counts: 10 minutes. */
	BUDGET_US = 600 * 1000 * 1000,
};

/** By what a file is known again. */
struct key {
	uint64_t dev;
	uint64_t inode;
	int64_t size;
	struct timespec mtime;
	struct timespec ctime;
};

struct slot {
	bool used;
	struct key key;
	struct graft_content content;
};

struct graft_contents {
	struct slot *slots;
	size_t count;
	/** What was hashed for whom, and since when, monotonic. */
	struct graft_budget budget;
	uint64_t budget_us;
	uint64_t unhashed;
};

struct graft_error *
graft_contents_new(struct graft_contents **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? NULL : graft_error_no_memory();
}

void
graft_contents_free(struct graft_contents *contents)
{
	if (!contents)
		return;
	graft_budget_deinit(&contents->budget);
	free(contents->slots);
	free(contents);
}

/** Find the build-id in notes. */
static size_t
find_in_notes(const uint8_t *notes, size_t len,
	      uint8_t ret[GRAFT_CONTENT_BUILD_ID_MAX])
{
	struct graft_cursor c = graft_cursor_make(notes, len);

	while (graft_cursor_left(&c) >= sizeof(Elf64_Nhdr)) {
		size_t name_len = graft_cursor_le(&c, 4);
		size_t body_len = graft_cursor_le(&c, 4);
		uint64_t type = graft_cursor_le(&c, 4);
		if (name_len > NOTES_MAX || body_len > NOTES_MAX)
			return 0;
		const uint8_t *name = graft_cursor_take(&c, (name_len + 3) &
								    ~(size_t)3);
		const uint8_t *body = graft_cursor_take(&c, (body_len + 3) &
								    ~(size_t)3);
		if (!name || !body)
			return 0;
		if (type == NT_GNU_BUILD_ID &&
		    name_len == sizeof(ELF_NOTE_GNU) &&
		    memcmp(name, ELF_NOTE_GNU, name_len) == 0 && body_len &&
		    body_len <= GRAFT_CONTENT_BUILD_ID_MAX) {
			memcpy(ret, body, body_len);
			return body_len;
		}
	}
	return 0;
}

size_t
graft_content_read_build_id(int fd, uint8_t ret[GRAFT_CONTENT_BUILD_ID_MAX])
{
	Elf64_Ehdr header;
	Elf64_Phdr headers[HEADERS_MAX];
	uint8_t notes[NOTES_MAX];

	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_phentsize != sizeof(*headers) ||
	    header.e_phoff > INT64_MAX)
		return 0;
	size_t count = header.e_phnum < HEADERS_MAX ? header.e_phnum
						    : HEADERS_MAX;
	ssize_t want = (ssize_t)(count * sizeof(*headers));
	if (pread(fd, headers, (size_t)want, (off_t)header.e_phoff) != want)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (headers[i].p_type != PT_NOTE ||
		    headers[i].p_offset > INT64_MAX)
			continue;
		size_t len = headers[i].p_filesz < NOTES_MAX
				     ? headers[i].p_filesz
				     : NOTES_MAX;
		ssize_t got = pread(fd, notes, len, (off_t)headers[i].p_offset);
		size_t found = got > 0 ? find_in_notes(notes, (size_t)got, ret)
				       : 0;
		if (found)
			return found;
	}
	return 0;
}

/** Mix a key into a place to begin to search at. */
static size_t
place_of(const struct key *key)
{
	uint64_t mixed = (key->inode ^ key->dev << 17 ^ (uint64_t)key->size) *
			 0x9e3779b97f4a7c15;

	return (size_t)(mixed >> 32);
}

/** Find the slot of a key, or the free one where it belongs. */
static struct slot *
find_slot(struct graft_contents *contents, const struct key *key)
{
	size_t at = place_of(key) % ROOM;

	while (contents->slots[at].used &&
	       memcmp(&contents->slots[at].key, key, sizeof(*key)) != 0)
		at = (at + 1) % ROOM;
	return &contents->slots[at];
}

struct graft_error *
graft_contents_look(struct graft_contents *contents, int fd,
		    struct graft_content **ret)
{
	struct stat st;
	struct key key;

	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat a mapped file");
	if (!contents->slots)
		contents->slots = calloc(ROOM, sizeof(*contents->slots));
	if (!contents->slots)
		return graft_error_no_memory();
	// Half full: a search stays short, and an end is always found.
	if (contents->count >= ROOM / 2) {
		memset(contents->slots, 0, ROOM * sizeof(*contents->slots));
		contents->count = 0;
	}
	memset(&key, 0, sizeof(key));
	key.dev = st.st_dev;
	key.inode = st.st_ino;
	key.size = st.st_size;
	key.mtime = st.st_mtim;
	key.ctime = st.st_ctim;
	struct slot *slot = find_slot(contents, &key);
	if (!slot->used) {
		*slot = (struct slot){ .used = true };
		memcpy(&slot->key, &key, sizeof(key));
		slot->content.build_id_len =
			graft_content_read_build_id(fd, slot->content.build_id);
		contents->count++;
	}
	*ret = &slot->content;
	return NULL;
}

/** Let the user of a thread have a file hashed, unless that is too much of late. */
GRAFT_MUST_CHECK static struct graft_error *
charge(struct graft_contents *contents, pid_t tid, int fd)
{
	uint64_t now_us = graft_clock_monotonic_us();

	if (now_us - contents->budget_us >= (uint64_t)BUDGET_US) {
		graft_budget_deinit(&contents->budget);
		contents->budget_us = now_us;
	}
	struct graft_error *err = graft_budget_charge(&contents->budget, tid,
						      fd, -1);
	contents->unhashed += err && graft_error_code(err) == GRAFT_ERROR_LIMIT;
	return err;
}

uint64_t
graft_contents_unhashed(const struct graft_contents *contents)
{
	return contents->unhashed;
}

struct graft_error *
graft_contents_hash(struct graft_contents *contents,
		    struct graft_content *content, pid_t tid, int fd)
{
	struct stat st;

	if (content->hashed)
		return NULL;
	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat a mapped file");
	if ((uint64_t)st.st_size > GRAFT_LIMIT_ELF_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a mapped file is longer than code is");
	struct graft_error *err = charge(contents, tid, fd);
	if (!err)
		err = graft_sha256_fd(fd, GRAFT_LIMIT_ELF_BYTES,
				      content->sha256);
	content->hashed = !err;
	return err;
}
