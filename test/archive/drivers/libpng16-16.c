// SPDX-License-Identifier: Apache-2.0

// Writes an image, then reads it whole and with text chunks and a colour profile
// that are complete, cut or malformed: those are what the updates are about.

#include "driver.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void
message_fn(void *png, const char *text);
typedef void
data_fn(void *png, uint8_t *bytes, size_t len);
typedef void
flush_fn(void *png);

enum { WIDTH = 16, HEIGHT = 8, ROOM = 1 << 16 };

/** Bytes that are written, or read so far. */
struct stream {
	uint8_t bytes[ROOM];
	size_t len;
	size_t at;
	jmp_buf back;
};

static void *(*get_io)(void *png);
static void *(*get_error)(void *png);

static void
on_error(void *png, const char *text)
{
	struct stream *stream = get_error(png);

	printf("error: %s\n", text);
	longjmp(stream->back, 1);
}

static void
on_warning(void *png, const char *text)
{
	(void)png;
	printf("warning: %s\n", text);
}

static void
on_write(void *png, uint8_t *bytes, size_t len)
{
	struct stream *stream = get_io(png);

	if (len > ROOM - stream->len)
		abort();
	memcpy(stream->bytes + stream->len, bytes, len);
	stream->len += len;
}

static void
on_flush(void *png)
{
	(void)png;
}

static void
on_read(void *png, uint8_t *bytes, size_t len)
{
	struct stream *stream = get_io(png);

	if (len > stream->len - stream->at) {
		printf("end of input\n");
		longjmp(stream->back, 2);
	}
	memcpy(bytes, stream->bytes + stream->at, len);
	stream->at += len;
}

static void
write_image(struct stream *stream)
{
	void *(*create)(const char *, void *, message_fn *,
			message_fn *) = find("png_create_write_struct");
	void *(*info_new)(void *) = find("png_create_info_struct");
	void (*set_write)(void *, void *, data_fn *,
			  flush_fn *) = find("png_set_write_fn");
	void (*set_header)(void *, void *, uint32_t, uint32_t, int, int, int,
			   int, int) = find("png_set_IHDR");
	void (*write_info)(void *, void *) = find("png_write_info");
	void (*write_row)(void *, const uint8_t *) = find("png_write_row");
	void (*write_end)(void *, void *) = find("png_write_end");
	void (*destroy)(void **, void **) = find("png_destroy_write_struct");

	void *png = create("1.6.39", stream, on_error, on_warning);
	void *info = info_new(png);
	if (setjmp(stream->back) == 0) {
		set_write(png, stream, on_write, on_flush);
		set_header(png, info, WIDTH, HEIGHT, 8, 2, 0, 0, 0);
		write_info(png, info);
		for (unsigned y = 0; y < HEIGHT; y++) {
			uint8_t row[WIDTH * 3];
			for (unsigned x = 0; x < sizeof(row); x++)
				row[x] = (uint8_t)(x * 7 + y * 31);
			write_row(png, row);
		}
		write_end(png, info);
	}
	destroy(&png, &info);
}

static uint32_t
crc(const uint8_t *bytes, size_t len)
{
	uint32_t value = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		value ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
	}
	return ~value;
}

static void
put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/** Insert a chunk at an offset of the file. */
static void
insert(struct stream *stream, size_t off, const char *type, const uint8_t *data,
       size_t len)
{
	uint8_t *at = stream->bytes + off;

	memmove(at + len + 12, at, stream->len - off);
	put32(at, (uint32_t)len);
	memcpy(at + 4, type, 4);
	memcpy(at + 8, data, len);
	put32(at + 8 + len, crc(at + 4, len + 4));
	stream->len += len + 12;
}

/** Compress as zlib does with stored blocks. */
static size_t
store(uint8_t *out, const char *text)
{
	size_t len = strlen(text);
	uint32_t a = 1, b = 0;

	for (size_t i = 0; i < len; i++) {
		a = (a + (uint8_t)text[i]) % 65521;
		b = (b + a) % 65521;
	}
	memcpy(out, "\x78\x01\x01", 3);
	out[3] = (uint8_t)len;
	out[4] = (uint8_t)(len >> 8);
	out[5] = (uint8_t)~out[3];
	out[6] = (uint8_t)~out[4];
	memcpy(out + 7, text, len);
	put32(out + 7 + len, b << 16 | a);
	return len + 11;
}

static void
print_texts(void *png, void *info)
{
	int (*get_text)(void *, void *, void **, int *) = find("png_get_text");
	/** The library's png_text. */
	struct text {
		int compression;
		char *key, *text;
		size_t len, itxt_len;
		char *lang, *lang_key;
	} * texts;
	int count = 0;

	get_text(png, info, (void **)&texts, &count);
	for (int i = 0; i < count; i++)
		printf("text %s=%s\n", texts[i].key,
		       texts[i].text ? texts[i].text : "");
}

static void
read_image(const struct stream *from)
{
	void *(*create)(const char *, void *, message_fn *,
			message_fn *) = find("png_create_read_struct");
	void *(*info_new)(void *) = find("png_create_info_struct");
	void (*set_read)(void *, void *, data_fn *) = find("png_set_read_fn");
	void (*read_info)(void *, void *) = find("png_read_info");
	void (*read_row)(void *, uint8_t *, uint8_t *) = find("png_read_row");
	void (*read_end)(void *, void *) = find("png_read_end");
	void (*destroy)(void **, void **,
			void **) = find("png_destroy_read_struct");
	static struct stream stream;

	memcpy(&stream, from, sizeof(stream));
	stream.at = 0;
	void *png = create("1.6.39", &stream, on_error, on_warning);
	void *info = info_new(png);
	int left = setjmp(stream.back);
	if (left == 0) {
		set_read(png, &stream, on_read);
		read_info(png, info);
		uint8_t rows[HEIGHT][WIDTH * 3];
		for (unsigned y = 0; y < HEIGHT; y++)
			read_row(png, rows[y], NULL);
		print_bytes("rows", rows, sizeof(rows));
		read_end(png, info);
	}
	print_texts(png, info);
	printf("left by %d\n", left);
	void *none = NULL;
	destroy(&png, &info, &none);
}

/** Read the image with one chunk more, in front of and behind the pixels. */
static void
read_with(const struct stream *plain, const char *type, const uint8_t *data,
	  size_t len)
{
	static struct stream stream;

	printf("%s of %zu bytes\n", type, len);
	memcpy(&stream, plain, sizeof(stream));
	insert(&stream, 8 + 25, type, data, len);
	read_image(&stream);
	memcpy(&stream, plain, sizeof(stream));
	insert(&stream, stream.len - 12, type, data, len);
	read_image(&stream);
	insert(&stream, 8 + 25, type, data, len);
	read_image(&stream);
}

void
answer(void)
{
	static struct stream plain;
	uint8_t data[512];
	size_t len;

	get_io = find("png_get_io_ptr");
	get_error = find("png_get_error_ptr");
	memset(&plain, 0, sizeof(plain));
	write_image(&plain);
	print_bytes("file", plain.bytes, plain.len);
	read_image(&plain);

	memcpy(data, "Comment\0\0", 9);
	len = 9 + store(data + 9, "a text that is compressed");
	read_with(&plain, "zTXt", data, len);
	read_with(&plain, "zTXt", data, len - 6);
	read_with(&plain, "zTXt", data, 12);
	data[11] = 0xff;
	read_with(&plain, "zTXt", data, len);
	memcpy(data, "Title\0\1\0de\0Titel\0", 17);
	len = 17 + store(data + 17, "ein Text");
	read_with(&plain, "iTXt", data, len);
	read_with(&plain, "iTXt", data, len - 9);
	memcpy(data, "profile\0\0", 9);
	len = 9 + store(data + 9, "no profile at all, much too short");
	read_with(&plain, "iCCP", data, len);
	read_with(&plain, "iCCP", data, len - 20);
	read_with(&plain, "tEXt", (const uint8_t *)"Key\0value", 9);
}
