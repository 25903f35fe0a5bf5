// SPDX-License-Identifier: Apache-2.0

// Round trips in all formats and levels, cut and altered input, and indexes.

#include "driver.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 50000, ROOM = 1 << 18, CHECK_CRC64 = 4 };

/** The library's lzma_stream; all zeroes to begin with. */
struct stream {
	const uint8_t *next_in;
	size_t avail_in;
	uint64_t total_in;
	uint8_t *next_out;
	size_t avail_out;
	uint64_t total_out;
	const void *allocator;
	void *internal;
	void *reserved[4];
	uint64_t seek_pos;
	uint64_t reserved_int[3];
	uint32_t reserved_enum[4];
};

static uint8_t text[TEXT];
static uint8_t packed[ROOM];
static uint8_t back[ROOM];

static void
make_text(void)
{
	uint32_t state = 1;

	for (size_t i = 0; i < TEXT; i++) {
		state = state * 1103515245 + 12345;
		text[i] = (uint8_t)(i % 97 < 60
					    ? "lorem ipsum "[i % 12]
					    : 'a' + (char)((state >> 16) % 26));
	}
}

static void
unpack(const char *what, size_t len)
{
	int (*decode)(uint64_t *, uint32_t, const void *, const uint8_t *,
		      size_t *, size_t, uint8_t *, size_t *,
		      size_t) = find("lzma_stream_buffer_decode");
	uint64_t limit = UINT64_MAX;
	size_t in = 0, out = 0;

	int status = decode(&limit, 0, NULL, packed, &in, len, back, &out,
			    ROOM);
	printf("%s: status %d, %zu in, limit %llu\n", what, status, in,
	       (unsigned long long)limit);
	print_bytes(what, back, out);
}

/** Decode through a stream, a few bytes at a time. */
static void
unpack_slowly(const char *what, int (*start)(struct stream *), size_t len)
{
	int (*code)(struct stream *, int) = find("lzma_code");
	void (*end)(struct stream *) = find("lzma_end");
	struct stream stream = { 0 };
	size_t fed = 0;
	int status = start(&stream);

	stream.next_out = back;
	stream.avail_out = ROOM;
	while (status == 0) {
		size_t piece = len - fed < 777 ? len - fed : 777;
		stream.next_in = packed + fed;
		stream.avail_in = piece;
		status = code(&stream, piece ? 0 : 3);
		fed += piece - stream.avail_in;
	}
	printf("%s: status %d, %llu in\n", what, status,
	       (unsigned long long)stream.total_in);
	print_bytes(what, back, stream.total_out);
	end(&stream);
}

static int
start_auto(struct stream *stream)
{
	int (*start)(struct stream *, uint64_t,
		     uint32_t) = find("lzma_auto_decoder");
	return start(stream, UINT64_MAX, 0);
}

static int
start_threads(struct stream *stream)
{
	/** The library's lzma_mt. */
	struct {
		uint32_t flags, threads;
		uint64_t block_size;
		uint32_t timeout, preset;
		const void *filters;
		uint32_t check;
		uint32_t reserved_enum[3];
		uint32_t reserved_int[4];
		uint64_t memlimit_threading, memlimit_stop;
		uint64_t reserved64[2];
		void *reserved_ptr[4];
	} mt = { .threads = 2,
		 .memlimit_threading = UINT64_MAX,
		 .memlimit_stop = UINT64_MAX };
	int (*start)(struct stream *,
		     const void *) = find("lzma_stream_decoder_mt");
	return start(stream, &mt);
}

static void
indexes(void)
{
	void *(*init)(const void *) = find("lzma_index_init");
	int (*append)(void *, const void *, uint64_t,
		      uint64_t) = find("lzma_index_append");
	int (*cat)(void *, void *, const void *) = find("lzma_index_cat");
	uint64_t (*size)(const void *) = find("lzma_index_size");
	uint64_t (*total)(const void *) = find("lzma_index_total_size");
	void (*end)(void *, const void *) = find("lzma_index_end");
	void *one = init(NULL);
	void *two = init(NULL);

	for (uint64_t i = 0; i < 600; i++) {
		int a = append(one, NULL, 40 + i, i * i);
		int b = append(two, NULL, 80 + i, i << 40);
		if (i % 200 == 0 || a || b)
			printf("append %d %d\n", a, b);
	}
	printf("append %d\n", append(two, NULL, UINT64_MAX, 1));
	printf("cat %d\n", cat(one, two, NULL));
	printf("index %llu %llu\n", (unsigned long long)size(one),
	       (unsigned long long)total(one));
	end(one, NULL);
}

void
answer(void)
{
	int (*encode)(uint32_t, int, const void *, const uint8_t *, size_t,
		      uint8_t *, size_t *,
		      size_t) = find("lzma_easy_buffer_encode");
	static const uint32_t levels[] = { 0, 1, 3, 6, 9 };

	make_text();
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		size_t len = 0;
		int status = encode(levels[i], CHECK_CRC64, NULL, text, TEXT,
				    packed, &len, ROOM);
		printf("level %u: status %d\n", levels[i], status);
		print_bytes("packed", packed, len);
		unpack("whole", len);
		unpack_slowly("slowly", start_auto, len);
		unpack_slowly("threads", start_threads, len);
		unpack("cut", len - 30);
		unpack_slowly("cut slowly", start_auto, len / 2);
		packed[len / 2] ^= 0x55;
		unpack("altered", len);
		unpack_slowly("altered slowly", start_auto, len);
		unpack_slowly("altered threads", start_threads, len);
	}
	indexes();
}
