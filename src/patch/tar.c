// SPDX-License-Identifier: Apache-2.0

#include "patch/tar.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/** A header as POSIX.1-2017, pax, "ustar Interchange Format" has it. */
struct header {
	char name[GRAFT_TAR_NAME_LEN];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char typeflag;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char pad[12];
};
static_assert(sizeof(struct header) == GRAFT_TAR_BLOCK, "a header is a block");

void
graft_tar_seal(uint8_t *header)
{
	struct header *h = (struct header *)header;
	unsigned sum = 0;
	char digits[12];

	// The sum is made with the field itself as spaces.
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < GRAFT_TAR_BLOCK; i++)
		sum += header[i];
	(void)snprintf(digits, sizeof(digits), "%06o", sum);
	memcpy(h->checksum, digits, 7);
}

static void
make_header(const char *name, uint64_t len, struct header *h)
{
	char digits[24];

	memset(h, 0, sizeof(*h));
	memcpy(h->name, name, strlen(name));
	memcpy(h->mode, "0000644", 7);
	memcpy(h->uid, "0000000", 7);
	memcpy(h->gid, "0000000", 7);
	(void)snprintf(digits, sizeof(digits), "%011llo",
		       (unsigned long long)len);
	memcpy(h->size, digits, 11);
	memcpy(h->mtime, "00000000000", 11);
	h->typeflag = '0';
	memcpy(h->magic, "ustar", 5);
	memcpy(h->version, "00", 2);
	memcpy(h->devmajor, "0000000", 7);
	memcpy(h->devminor, "0000000", 7);
	graft_tar_seal((uint8_t *)h);
}

static void
put_zeroes(struct graft_text *out, size_t len)
{
	static const uint8_t zeroes[2 * GRAFT_TAR_BLOCK];
	graft_text_put_bytes(out, zeroes, len);
}

void
graft_tar_put(struct graft_text *out, const char *name, const void *bytes,
	      size_t len)
{
	struct header header;

	assert(strlen(name) < GRAFT_TAR_NAME_LEN);
	make_header(name, len, &header);
	graft_text_put_bytes(out, &header, sizeof(header));
	graft_text_put_bytes(out, bytes, len);
	put_zeroes(out, -len & (GRAFT_TAR_BLOCK - 1));
}

void
graft_tar_put_end(struct graft_text *out)
{
	put_zeroes(out, (size_t)2 * GRAFT_TAR_BLOCK);
}

static struct graft_error *
bad(size_t off, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "offset %zu: %s", off,
			       what);
}

static bool
all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

struct graft_error *
graft_tar_next(const uint8_t *bytes, size_t len, size_t *off,
	       struct graft_tar_member *ret)
{
	struct header header;
	struct header canonical;
	const size_t start = *off;

	if (start > len || len - start < sizeof(header))
		return bad(start, "the file is cut: no room for a tar header");
	memcpy(&header, bytes + start, sizeof(header));
	if (memcmp(header.magic, "ustar", 6) != 0)
		return bad(start, "not a tar header");
	uint64_t size = 0;
	for (size_t i = 0; i < sizeof(header.size) - 1; i++) {
		if (header.size[i] < '0' || header.size[i] > '7')
			return bad(start, "size in a tar header");
		size = size << 3 | (uint64_t)(header.size[i] - '0');
	}
	if (header.name[sizeof(header.name) - 1] != '\0')
		return bad(start, "name in a tar header");
	make_header(header.name, size, &canonical);
	if (memcmp(&header, &canonical, sizeof(header)) != 0)
		return bad(start, "a tar header that graft does not write");

	size_t left = len - start - sizeof(header);
	size_t padding = -size & (GRAFT_TAR_BLOCK - 1);
	if (size > left || padding > left - size)
		return bad(start,
			   "the file is cut: a member goes past its end");
	memcpy(ret->name, header.name, sizeof(ret->name));
	ret->bytes = bytes + start + sizeof(header);
	ret->len = size;
	if (!all_zero(ret->bytes + size, padding))
		return bad(start, "padding that is not zero");
	*off = start + sizeof(header) + size + padding;
	return NULL;
}

struct graft_error *
graft_tar_check_end(const uint8_t *bytes, size_t len, size_t off)
{
	if (len - off < (size_t)2 * GRAFT_TAR_BLOCK)
		return bad(off, "the file is cut: its end is missing");
	if (len - off > (size_t)2 * GRAFT_TAR_BLOCK ||
	    !all_zero(bytes + off, (size_t)2 * GRAFT_TAR_BLOCK))
		return bad(off, "something behind the last member");
	return NULL;
}
