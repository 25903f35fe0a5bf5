// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What every image promises, whatever file it was made from.
 */

#ifndef GRAFT_TEST_ELF_PROMISES_H
#define GRAFT_TEST_ELF_PROMISES_H

#include "elf/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static volatile uint64_t promises_sink;

static inline void
promises_touch(const uint8_t *bytes, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		promises_sink += bytes[i];
}

static inline void
promises_of_sections(const struct graft_image *image)
{
	size_t count;
	const struct graft_section *s = graft_image_sections(image, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || s[i - 1].addr <= s[i].addr);
		assert_non_null(s[i].name);
		assert_true(s[i].align && !(s[i].align & (s[i].align - 1)));
		assert_true(!s[i].bytes == (s[i].type == SHT_NOBITS));
		if (s[i].bytes)
			promises_touch(s[i].bytes, s[i].size);
		bool tbss = s[i].type == SHT_NOBITS && s[i].flags & SHF_TLS;
		if (s[i].size == 0 || tbss)
			continue;
		uint64_t last = s[i].addr + s[i].size - 1;
		assert_ptr_equal(graft_image_section_at(image, last), &s[i]);
		assert_ptr_equal(graft_image_bytes(image, s[i].addr, s[i].size),
				 s[i].bytes);
		assert_null(graft_image_bytes(image, last, 2));
	}
}

/** The rule of graft_image_symbol_at(), read off its words. */
static inline bool
promises_is_better(const struct graft_symbol *a, const struct graft_symbol *b)
{
	bool a_code = a->type == STT_FUNC || a->type == STT_OBJECT ||
		      a->type == STT_COMMON || a->type == STT_GNU_IFUNC;
	bool b_code = b->type == STT_FUNC || b->type == STT_OBJECT ||
		      b->type == STT_COMMON || b->type == STT_GNU_IFUNC;
	if (a_code != b_code)
		return a_code;
	if (a->addr != b->addr)
		return a->addr > b->addr;
	if (!a->size != !b->size)
		return a->size;
	int a_rank = a->bind == STB_LOCAL ? 2 : a->bind == STB_WEAK;
	int b_rank = b->bind == STB_LOCAL ? 2 : b->bind == STB_WEAK;
	return a_rank < b_rank;
}

static inline const struct graft_symbol *
promises_best(const struct graft_symbol *s, size_t count, uint64_t addr)
{
	const struct graft_symbol *best = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!s[i].defined || s[i].absolute || !*s[i].name ||
		    s[i].type == STT_TLS || s[i].type == STT_SECTION)
			continue;
		if (addr < s[i].addr ||
		    addr - s[i].addr >= (s[i].size ? s[i].size : 1))
			continue;
		if (!best || promises_is_better(&s[i], best))
			best = &s[i];
	}
	return best;
}

static inline void
promises_of_symbols(const struct graft_image *image)
{
	size_t count;
	const struct graft_symbol *s = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++) {
		promises_sink += strlen(s[i].name);
		promises_sink += s[i].version ? strlen(s[i].version) : 0;
		promises_sink += s[i].file ? strlen(s[i].file) : 0;
		if (i) {
			assert_true(s[i - 1].defined >= s[i].defined);
			assert_true(s[i - 1].defined != s[i].defined ||
				    s[i - 1].addr <= s[i].addr);
		}
		// The rule costs the square here: small files only.
		for (uint64_t d = 0; count < 200 && d < 3; d++) {
			uint64_t addr = s[i].addr + d * s[i].size / 2;
			assert_ptr_equal(graft_image_symbol_at(image, addr),
					 promises_best(s, count, addr));
		}
	}
}

static inline void
promises_of_relocs(const struct graft_image *image)
{
	size_t symbols, count;
	const struct graft_symbol *s = graft_image_symbols(image, &symbols);
	const struct graft_reloc *r = graft_image_relocs(image, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || r[i - 1].addr < r[i].addr);
		assert_ptr_equal(graft_image_reloc_at(image, r[i].addr), &r[i]);
		assert_non_null(graft_image_section_at(image, r[i].addr));
		assert_true(!r[i].symbol ||
			    (r[i].symbol >= s && r[i].symbol < s + symbols));
	}
	r = graft_image_static_relocs(image, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 || r[i - 1].addr <= r[i].addr);
		assert_true(!r[i].symbol ||
			    (r[i].symbol >= s && r[i].symbol < s + symbols));
	}
}

static inline void
promises_of_code(const struct graft_image *image)
{
	size_t count;
	const struct graft_extent *e = graft_image_extents(image, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(e[i].size > 0);
		assert_true(i == 0 ||
			    e[i - 1].addr + e[i - 1].size <= e[i].addr);
		const uint8_t *code = graft_image_bytes(image, e[i].addr,
							e[i].size);
		assert_non_null(code);
		promises_touch(code, e[i].size);
	}
	const struct graft_plt *p = graft_image_plts(image, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(i == 0 ||
			    p[i - 1].addr + p[i - 1].size <= p[i].addr);
		assert_non_null(graft_image_bytes(image, p[i].addr, p[i].size));
		assert_non_null(p[i].reloc);
		assert_int_equal(p[i].reloc->addr, p[i].slot);
		assert_ptr_equal(graft_image_plt_at(image, p[i].addr), &p[i]);
	}
}

/** Assert that an image is as image.h says. */
static inline void
promises_check(const struct graft_image *image)
{
	size_t count;
	size_t len;
	(void)graft_image_file(image, &len);
	const struct graft_segment *seg = graft_image_segments(image, &count);
	for (size_t i = 0; i < count; i++)
		if (seg[i].type == PT_LOAD)
			assert_true(seg[i].off + seg[i].file_size <= len);
	const char *const *needed = graft_image_needed(image, &count);
	for (size_t i = 0; i < count; i++)
		promises_sink += strlen(needed[i]);
	const char *soname = graft_image_soname(image);
	promises_sink += soname ? strlen(soname) : 0;
	const uint8_t *id = graft_image_build_id(image, &count);
	assert_true(count <= GRAFT_BUILD_ID_MAX);
	promises_touch(id, count);
	promises_of_sections(image);
	promises_of_symbols(image);
	promises_of_relocs(image);
	promises_of_code(image);
}

#endif /* GRAFT_TEST_ELF_PROMISES_H */
