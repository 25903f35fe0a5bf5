// SPDX-License-Identifier: Apache-2.0

/** @file Hotpatches for tests: one small one, and as many random ones as asked. */

#ifndef GRAFT_TEST_PATCH_SAMPLE_H
#define GRAFT_TEST_PATCH_SAMPLE_H

#include "base/error.h"
#include "patch/file.h"
#include "patch/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/**
 * Get the step of loops that flip each bit of a file: 1. Under the address sanitizer, where
 * they take minutes, 7, which meets each byte and each bit of a byte, unless the
 * environment has GRAFT_TEST_BITS.
 */
static inline size_t
sample_bit_step(void)
{
#ifdef __SANITIZE_ADDRESS__
	return getenv("GRAFT_TEST_BITS") ? 1 : 7;
#else
	return 1;
#endif
}

/** Fail the test with the message of an error. */
static inline void
sample_ok(struct graft_error *err)
{
	if (err)
		print_error("%s\n", graft_error_message(err));
	assert_null(err);
}

/** Expect an error with this code; its message, if asked, holds @p what. */
static inline void
sample_refused(struct graft_error *err, enum graft_error_code code,
	       const char *what)
{
	assert_non_null(err);
	const char *message = graft_error_message(err);
	if (graft_error_code(err) != code || (what && !strstr(message, what)) ||
	    strchr(message, '\n'))
		fail_msg("unexpected: %s", message);
	graft_error_free(err);
}

static inline void *
sample_alloc(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);
	assert_non_null(p);
	return p;
}

static inline char *
sample_str(const char *str)
{
	char *copy = strdup(str);
	assert_non_null(copy);
	return copy;
}

static inline struct graft_run
sample_run(uint64_t addr, uint64_t file_len, uint64_t mem_len, uint32_t flags)
{
	struct graft_run run = { .new_addr = addr,
				 .mem_len = mem_len,
				 .file_len = file_len,
				 .flags = flags };
	if (file_len > 0)
		run.bytes = sample_alloc(file_len, 1);
	for (uint64_t i = 0; i < file_len; i++)
		run.bytes[i] = (uint8_t)(addr / 64 + i * 7);
	return run;
}

static inline void
sample_reason(struct graft_patch_module *m, const char *rule, bool note)
{
	m->reasons = sample_alloc(1, sizeof(*m->reasons));
	m->reason_count = 1;
	m->reasons[0] = (struct graft_reason){
		.rule = sample_str(rule),
		.where = sample_str("parse \"x\\y\" (0x1234)"),
		.text = sample_str("a constant that is compared changed"),
		.note = note,
	};
}

static inline void
sample_records(struct graft_patch_module *m)
{
	m->redirect_count = 2;
	m->redirects = sample_alloc(2, sizeof(*m->redirects));
	m->redirects[0] = (struct graft_redirect){
		.old_addr = 0x1200,
		.old_room = 64,
		.skip = GRAFT_ENDBR_SIZE,
		.new_addr = 0x1300,
		.original = { 0x55, 0x48, 0x89, 0xe5, 0x53 },
		.name = sample_str("parse"),
	};
	m->redirects[1] = (struct graft_redirect){
		.old_addr = 0x1300,
		.old_room = 48,
		.new_addr = 0x1400,
		.name = sample_str("sub_1300"),
	};
	memcpy(m->redirects[1].original, m->runs[1].bytes, GRAFT_JUMP_SIZE);
	m->fragment_count = 3;
	m->fragments = sample_alloc(3, sizeof(*m->fragments));
	m->fragments[0] = (struct graft_fragment){ 0x1200, 60, 0 };
	m->fragments[1] = (struct graft_fragment){ 0x1300, 48, 1 };
	m->fragments[2] = (struct graft_fragment){ 0x1100, 9, 0 };
	m->carried_count = 2;
	m->carried = sample_alloc(2, sizeof(*m->carried));
	m->carried[0] = (struct graft_carried){ 0x1300, 64,
						sample_str("parse") };
	m->carried[1] = (struct graft_carried){ 0x1400, 32,
						sample_str("sub_1400") };
	m->fix_count = 4;
	m->fixes = sample_alloc(4, sizeof(*m->fixes));
	m->fixes[0] = (struct graft_fix){ 0x1304, -0x100, GRAFT_FIX_REL32_OLD };
	m->fixes[1] = (struct graft_fix){ 0x130c, 0x40, GRAFT_FIX_REL32_OLD };
	m->fixes[2] = (struct graft_fix){ 0x4000, 0x1200, GRAFT_FIX_ABS64_OLD };
	m->fixes[3] = (struct graft_fix){ 0x4008, 0x3010,
					  GRAFT_FIX_COPY64_OLD };
	m->import_count = 1;
	m->imports = sample_alloc(1, sizeof(*m->imports));
	m->imports[0] = (struct graft_import){ 0x4010, sample_str("memchr"),
					       sample_str("GLIBC_2.2.5"), 0,
					       true };
	m->old_slot_count = 2;
	m->old_slots = sample_alloc(2, sizeof(*m->old_slots));
	m->old_slots[0] = (struct graft_old_slot){ 0x3010, sample_str("free"),
						   sample_str("GLIBC_2.2.5"),
						   true };
	m->old_slots[1] = (struct graft_old_slot){ 0x3000, NULL, NULL, false };
	m->expect_count = 1;
	m->expects = sample_alloc(1, sizeof(*m->expects));
	m->expects[0] =
		(struct graft_expect){ 0x1200, 0x130, { 1, 2, 3, 4, 5 } };
}

/** Fill in a module that carries two functions, constants and a GOT slot. */
static inline void
sample_hotpatch(struct graft_patch_module *m)
{
	m->path = sample_str("usr/lib/x86_64-linux-gnu/libsample.so.1.2");
	m->soname = sample_str("libsample.so.1");
	m->old_build_id_len = 20;
	m->new_build_id_len = 20;
	for (size_t i = 0; i < 32; i++) {
		m->old_build_id[i < 20 ? i : 0] = (uint8_t)(i + 1);
		m->new_build_id[i < 20 ? i : 0] = (uint8_t)(i + 101);
		m->old_sha256[i] = (uint8_t)(i * 3);
		m->new_sha256[i] = (uint8_t)(i * 5);
	}
	m->verdict = GRAFT_VERDICT_HOTPATCH;
	m->assurance = GRAFT_ASSURANCE_INFERRED;
	sample_reason(m, "R-21", true);
	m->counts = (struct graft_patch_counts){ 100, 101, 1, 1, 2 };
	m->carried_bytes = 112;
	m->align = 0x1000;
	m->run_count = 5;
	m->runs = sample_alloc(5, sizeof(*m->runs));
	m->runs[0] = sample_run(0x1300, 64, 64,
				GRAFT_RUN_READ | GRAFT_RUN_EXEC);
	m->runs[1] = sample_run(0x1400, 32, 32,
				GRAFT_RUN_READ | GRAFT_RUN_EXEC);
	m->runs[2] = sample_run(0x2010, 16, 16, GRAFT_RUN_READ);
	m->runs[3] = sample_run(0x4000, 24, 40,
				GRAFT_RUN_READ | GRAFT_RUN_WRITE);
	m->runs[4] = sample_run(0x9000, 0, 64,
				GRAFT_RUN_READ | GRAFT_RUN_WRITE);
	sample_records(m);
}

/** Make a hotpatch with one module of each verdict. */
static inline struct graft_patch *
sample_patch(void)
{
	struct graft_patch *patch = NULL;
	sample_ok(graft_patch_new(&patch));
	patch->title = sample_str("sample: a \"quoted\" fix, in UTF-8: \u00fc");
	patch->classification = sample_str("security");
	patch->toolchain = sample_str("graft 0.1");
	patch->package = sample_str("libsample1");
	patch->old_version = sample_str("1.2-1");
	patch->new_version = sample_str("1.2-1+deb12u1");
	patch->cve_count = 1;
	patch->cves = sample_alloc(1, sizeof(*patch->cves));
	patch->cves[0] = sample_str("CVE-2026-0001");
	patch->module_count = 3;
	patch->modules = sample_alloc(3, sizeof(*patch->modules));
	sample_hotpatch(&patch->modules[0]);
	patch->modules[1].path = sample_str("usr/bin/sample");
	patch->modules[2].path = sample_str("usr/bin/other");
	patch->modules[2].verdict = GRAFT_VERDICT_BASELINE;
	sample_reason(&patch->modules[2], "R-04", false);
	return patch;
}

/** Drop all modules but the first: a patch that is `hotpatch` alone. */
static inline struct graft_patch *
sample_small(void)
{
	struct graft_patch *patch = sample_patch();
	while (patch->module_count > 1)
		graft_patch_module_deinit(
			&patch->modules[--patch->module_count]);
	return patch;
}

/** xorshift64*: the same numbers on every machine. */
static inline uint64_t
sample_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dU;
}

static inline uint64_t
sample_below(uint64_t *state, uint64_t end)
{
	return sample_next(state) % end;
}

/** Make a random module that keeps every rule. */
static inline void
sample_random(struct graft_patch_module *m, uint64_t seed)
{
	static const uint32_t flags[] = { GRAFT_RUN_READ | GRAFT_RUN_EXEC,
					  GRAFT_RUN_READ,
					  GRAFT_RUN_READ | GRAFT_RUN_WRITE };
	uint64_t s = seed * 0x9e3779b97f4a7c15U + 1;
	char name[64];

	m->path = sample_str("lib");
	m->verdict = GRAFT_VERDICT_HOTPATCH;
	m->assurance = sample_below(&s, 2) ? GRAFT_ASSURANCE_INFERRED
					   : GRAFT_ASSURANCE_PROVEN;
	m->old_build_id_len = sample_below(&s, GRAFT_PATCH_BUILD_ID_MAX + 1);
	m->align = (uint64_t)1 << sample_below(&s, 22);
	size_t code = 1 + sample_below(&s, 8);
	size_t data = sample_below(&s, 8);
	m->runs = sample_alloc(code + data, sizeof(*m->runs));
	m->carried = sample_alloc(code, sizeof(*m->carried));
	m->redirects = sample_alloc(code, sizeof(*m->redirects));
	m->fragments = sample_alloc(code, sizeof(*m->fragments));
	m->fixes = sample_alloc(8 * (code + data), sizeof(*m->fixes));
	m->imports = sample_alloc(data, sizeof(*m->imports));
	m->old_slots = sample_alloc(code, sizeof(*m->old_slots));
	m->expects = sample_alloc(code, sizeof(*m->expects));
	uint64_t addr = sample_below(&s, 1 << 20);
	for (size_t i = 0; i < code; i++) {
		uint64_t len = 48 + sample_below(&s, 400);
		m->runs[m->run_count++] = sample_run(addr, len, len, flags[0]);
		(void)snprintf(name, sizeof(name), "f%llx",
			       (unsigned long long)sample_below(&s, 99));
		m->carried[m->carried_count++] =
			(struct graft_carried){ addr, len, sample_str(name) };
		uint64_t old = 0x1000 + i * 0x1000 + sample_below(&s, 256);
		(void)snprintf(name, sizeof(name),
			       sample_below(&s, 2) ? "sub_%llx" : "g%llx",
			       (unsigned long long)old);
		bool behind = sample_below(&s, 3) == 0;
		uint32_t skip = sample_below(&s, 2) ? GRAFT_ENDBR_SIZE : 0;
		m->redirects[m->redirect_count++] = (struct graft_redirect){
			.old_addr = old,
			.old_room = 20 + (uint32_t)sample_below(&s, 99),
			.skip = behind ? 1 + (uint32_t)sample_below(&s, 15)
				       : skip,
			.behind = behind,
			.new_addr = addr + (sample_below(&s, 4) ? 0 : 3),
			.original = { (uint8_t)sample_next(&s) },
			.name = sample_str(name),
		};
		m->fragments[m->fragment_count++] =
			(struct graft_fragment){ old - sample_below(&s, 9),
						 9 + sample_below(&s, 99),
						 (uint32_t)i };
		for (uint64_t k = 0; k < sample_below(&s, 8); k++)
			m->fixes[m->fix_count++] = (struct graft_fix){
				addr + k * 6,
				(int64_t)sample_below(&s, 8) * 4096 - 9999,
				GRAFT_FIX_REL32_OLD
			};
		m->old_slots[m->old_slot_count++] = (struct graft_old_slot){
			sample_below(&s, 1 << 30),
			i & 1 ? sample_str("free") : NULL, NULL, i & 1
		};
		m->expects[m->expect_count++] = (struct graft_expect){
			old, 1 + sample_below(&s, 4000), { 1 }
		};
		addr += len + sample_below(&s, 3) * sample_below(&s, 6000);
	}
	for (size_t i = 0; i < data; i++) {
		uint64_t len = sample_below(&s, 3) ? 32 : 0;
		addr = (addr + 8191) / 4096 * 4096;
		m->runs[m->run_count++] =
			sample_run(addr, len, len + 32 * (len == 0 || i & 1),
				   flags[1 + sample_below(&s, 2)]);
		m->fixes[m->fix_count++] = (struct graft_fix){
			addr, (int64_t)sample_below(&s, 1 << 20),
			(enum graft_fix_kind)(2 + sample_below(&s, 3))
		};
		m->imports[m->import_count++] = (struct graft_import){
			addr + 8, sample_str("memcpy"),
			i & 1 ? sample_str("GLIBC_2.14") : NULL,
			(int64_t)sample_next(&s), i & 2
		};
		addr += 64;
	}
}

#endif /* GRAFT_TEST_PATCH_SAMPLE_H */
