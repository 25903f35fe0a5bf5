// SPDX-License-Identifier: Apache-2.0

#include "patch/file.h"

#include "base/file.h"
#include "sample.h"

#include <sodium.h>
#include <unistd.h>

/** The bytes of a hotpatch. */
struct bytes {
	uint8_t *at;
	size_t len;
};

static struct bytes
encode(struct graft_patch *patch)
{
	struct bytes b;
	sample_ok(graft_patch_encode(patch, &b.at, &b.len));
	return b;
}

static void
assert_round_trip(const uint8_t *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE uint8_t *again = NULL;
	size_t again_len;

	sample_ok(graft_patch_decode(bytes, len, &patch));
	sample_ok(graft_patch_encode(patch, &again, &again_len));
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
}

static void
addresses_of_32_bits_come_back_among_the_others(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *read = NULL;
	struct graft_patch_module *m = &patch->modules[0];

	m->fixes[0] = (struct graft_fix){ 0x1304, 0x1200, GRAFT_FIX_ABS32_OLD };
	m->fixes[1] = (struct graft_fix){ 0x130c, 0x1400, GRAFT_FIX_ABS32_NEW };
	struct bytes b = encode(patch);
	assert_non_null(memmem(b.at, b.len, "{\"format\":7,", 12));
	sample_ok(graft_patch_decode(b.at, b.len, &read));
	assert_true(read->is_low);
	const struct graft_patch_module *r = &read->modules[0];
	assert_int_equal(r->fix_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(r->fixes[i].new_addr, m->fixes[i].new_addr);
		assert_int_equal(r->fixes[i].value, m->fixes[i].value);
		assert_int_equal(r->fixes[i].kind, m->fixes[i].kind);
	}
	free(b.at);

	// An address above 2 GiB is in no program that has such fields.
	m->fixes[0].value = (int64_t)INT32_MAX + 1;
	struct graft_error *err = graft_patch_module_check(m);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
}

static void
what_is_encoded_decodes_to_the_same(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *read = NULL;
	struct bytes b = encode(patch);

	sample_ok(graft_patch_decode(b.at, b.len, &read));
	assert_string_equal(read->id, patch->id);
	assert_string_equal(read->title, patch->title);
	assert_string_equal(read->cves[0], "CVE-2026-0001");
	assert_int_equal(read->module_count, 3);
	const struct graft_patch_module *m = &patch->modules[0];
	const struct graft_patch_module *r = &read->modules[0];
	assert_string_equal(r->soname, m->soname);
	assert_int_equal(r->align, m->align);
	assert_int_equal(r->run_count, m->run_count);
	for (size_t i = 0; i < m->run_count; i++) {
		assert_int_equal(r->runs[i].new_addr, m->runs[i].new_addr);
		assert_int_equal(r->runs[i].mem_len, m->runs[i].mem_len);
		assert_int_equal(r->runs[i].file_len, m->runs[i].file_len);
		assert_int_equal(r->runs[i].flags, m->runs[i].flags);
		if (m->runs[i].file_len > 0)
			assert_memory_equal(r->runs[i].bytes, m->runs[i].bytes,
					    m->runs[i].file_len);
	}
	assert_int_equal(r->redirect_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(r->redirects[i].name, m->redirects[i].name);
		assert_memory_equal(r->redirects[i].original,
				    m->redirects[i].original, GRAFT_JUMP_SIZE);
		assert_int_equal(r->redirects[i].old_room,
				 m->redirects[i].old_room);
		assert_int_equal(r->redirects[i].skip, m->redirects[i].skip);
	}
	assert_int_equal(r->fix_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(r->fixes[i].new_addr, m->fixes[i].new_addr);
		assert_int_equal(r->fixes[i].value, m->fixes[i].value);
		assert_int_equal(r->fixes[i].kind, m->fixes[i].kind);
	}
	assert_string_equal(r->imports[0].symbol, "memchr");
	assert_string_equal(r->imports[0].version, "GLIBC_2.2.5");
	assert_true(r->imports[0].weak);
	assert_true(r->old_slots[0].lazy);
	assert_null(r->old_slots[1].symbol);
	assert_memory_equal(r->expects[0].sha256, m->expects[0].sha256, 32);
	assert_int_equal(read->modules[2].verdict, GRAFT_VERDICT_BASELINE);
	assert_string_equal(read->modules[2].reasons[0].rule, "R-04");
	assert_round_trip(b.at, b.len);
	free(b.at);
}

static void
a_small_hotpatch_stays_small(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct bytes b = encode(patch);

	// Header, manifest in three blocks, header, ELF in two, end.
	print_message("%zu bytes\n", b.len);
	assert_true(b.len <= (size_t)10 * 512);
	free(b.at);
}

static void
the_same_input_gives_the_same_id_and_bytes(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *a = sample_patch();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *b = sample_patch();
	struct bytes left = encode(a);
	struct bytes right = encode(b);

	assert_int_equal(strlen(a->id), GRAFT_PATCH_ID_LEN);
	assert_string_equal(a->id, b->id);
	assert_int_equal(left.len, right.len);
	assert_memory_equal(left.at, right.at, left.len);
	free(right.at);

	b->modules[0].redirects[0].original[4]++;
	right = encode(b);
	assert_string_not_equal(a->id, b->id);
	free(left.at);
	free(right.at);
}

static void
random_hotpatches_round_trip(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *patch = NULL;
		sample_ok(graft_patch_new(&patch));
		patch->module_count = 1 + seed % 3;
		patch->modules = sample_alloc(patch->module_count,
					      sizeof(*patch->modules));
		for (size_t i = 0; i < patch->module_count; i++) {
			sample_random(&patch->modules[i], seed * 3 + i);
			// Other files, or they would have to carry the same.
			patch->modules[i].old_sha256[0] = (uint8_t)i;
		}
		struct bytes b = encode(patch);
		assert_round_trip(b.at, b.len);
		free(b.at);
	}
}

static void
every_cut_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	struct bytes b = encode(patch);

	for (size_t len = 0; len < b.len; len++) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *read = NULL;
		// A buffer of just this length, for the address sanitizer.
		GRAFT_FREE uint8_t *cut = sample_alloc(1, len);
		memcpy(cut, b.at, len);
		sample_refused(graft_patch_decode(cut, len, &read),
			       GRAFT_ERROR_BAD_INPUT, NULL);
		assert_null(read);
	}
	free(b.at);
}

static void
every_flipped_bit_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct bytes b = encode(patch);
	size_t same = 0;

	for (size_t bit = 0; bit < b.len * 8; bit += sample_bit_step()) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *read = NULL;
		b.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct graft_error *err = graft_patch_decode(b.at, b.len,
							     &read);
		if (!err) {
			// A bit of the zstd frame that changes nothing in what
			// it holds: the same id, and still the same bytes.
			assert_string_equal(read->id, patch->id);
			assert_round_trip(b.at, b.len);
			same++;
		}
		graft_error_free(err);
		b.at[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_true(same < 64);
	free(b.at);
}

static void
every_flipped_bit_with_its_hashes_made_right_is_bounded(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct bytes b = encode(patch);
	GRAFT_FREE uint8_t *copy = sample_alloc(1, b.len);
	size_t accepted = 0;

	for (size_t bit = 0; bit < b.len * 8; bit += sample_bit_step()) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *read = NULL;
		memcpy(copy, b.at, b.len);
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		graft_patch_seal(copy, b.len);
		struct graft_error *err = graft_patch_decode(copy, b.len,
							     &read);
		if (!err) {
			assert_round_trip(copy, b.len);
			accepted++;
		}
		graft_error_free(err);
	}
	// A letter of the title, a byte of code: the seal works.
	assert_true(accepted * sample_bit_step() > 1000);
	free(b.at);
}

static void
sealing_what_is_right_changes_nothing(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	struct bytes b = encode(patch);
	GRAFT_FREE uint8_t *copy = sample_alloc(1, b.len);

	memcpy(copy, b.at, b.len);
	graft_patch_seal(copy, b.len);
	assert_memory_equal(copy, b.at, b.len);
	for (size_t len = 0; len < b.len; len += 13)
		graft_patch_seal(copy, len);
	free(b.at);
}

/** Replace text in a file by other text of the same length, and seal. */
static void
replace(struct bytes b, const char *from, const char *to)
{
	assert_int_equal(strlen(from), strlen(to));
	uint8_t *at = memmem(b.at, b.len, from, strlen(from));
	assert_non_null(at);
	memcpy(at, to, strlen(to));
	graft_patch_seal(b.at, b.len);
}

static void
a_lie_in_the_manifest_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		const char *to;
		enum graft_error_code code;
		const char *what;
	} lies[] = {
		{ "\"format\":1", "\"format\":9", GRAFT_ERROR_UNSUPPORTED,
		  "made by a newer graft (format 9)" },
		{ "\"format\":1", "\"format\":8", GRAFT_ERROR_BAD_INPUT,
		  "canonical" },
		{ "\"format\":1", "\"format\":3", GRAFT_ERROR_BAD_INPUT,
		  "not the format" },
		{ "\"format\":1", "\"format\":0", GRAFT_ERROR_BAD_INPUT,
		  "format" },
		{ "\"title\"", "\"titel\"", GRAFT_ERROR_BAD_INPUT, "title" },
		{ "\"old_version\"", "\"new_version\"", GRAFT_ERROR_BAD_INPUT,
		  NULL },
		{ "\"security\"", "\"s\\u0000y\"", GRAFT_ERROR_BAD_INPUT,
		  NULL },
		{ "graft 0.1",
		  "graft\xff"
		  "0.1",
		  GRAFT_ERROR_BAD_INPUT, "UTF-8" },
		{ "graft 0.1",
		  "graft\x1b"
		  "0.1",
		  GRAFT_ERROR_BAD_INPUT, "control" },
		{ "\"old\":100", "\"old\":-10", GRAFT_ERROR_BAD_INPUT, "old" },
		{ "\"old\":100", "\"old\":1e2", GRAFT_ERROR_BAD_INPUT,
		  "canonical" },
		{ "\"old\":100", "\"old\":  1", GRAFT_ERROR_BAD_INPUT,
		  "canonical" },
		{ "\"old\":100", "\"old\":010", GRAFT_ERROR_BAD_INPUT, NULL },
		{ "\"old\":100", "\"old\":1.5", GRAFT_ERROR_BAD_INPUT, "old" },
		{ "member\":\"modules/", "member\":\"../../..",
		  GRAFT_ERROR_BAD_INPUT, "member" },
		{ "\"inferred\"", "\"none\"    ", GRAFT_ERROR_BAD_INPUT, NULL },
		{ "\"hotpatch\"", "\"baseline\"", GRAFT_ERROR_BAD_INPUT, NULL },
		{ "\"hotpatch\"", "\"hotpitch\"", GRAFT_ERROR_BAD_INPUT,
		  "verdict" },
		{ "\"carried_bytes\":112", "\"carried_bytes\":999",
		  GRAFT_ERROR_BAD_INPUT, "999" },
		{ "\"note\":true", "\"note\":null", GRAFT_ERROR_BAD_INPUT,
		  "note" },
		{ "\"old_sha256\":\"00", "\"old_sha256\":\"0x",
		  GRAFT_ERROR_BAD_INPUT, "old_sha256" },
		{ "\"rule\":\"R-21\"", "\"rule\":\"\"    ",
		  GRAFT_ERROR_BAD_INPUT, NULL },
	};
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct bytes b = encode(patch);

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct graft_patch *read = NULL;
		struct bytes copy = { sample_alloc(1, b.len), b.len };
		memcpy(copy.at, b.at, b.len);
		replace(copy, lies[i].from, lies[i].to);
		sample_refused(graft_patch_decode(copy.at, copy.len, &read),
			       lies[i].code, lies[i].what);
		free(copy.at);
	}
	free(b.at);
}

static void
a_jump_behind_the_first_instruction_is_format_3_and_nothing_else_is(
	void **state)
{
	(void)state;

	for (int behind = 0; behind < 2; behind++) {
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *patch = sample_small();
		GRAFT_CLEANUP(graft_patch_freep)
		struct graft_patch *read = NULL;
		struct graft_redirect *r = patch->modules[0].redirects;
		if (behind) {
			r->skip = 3;
			r->behind = true;
		}
		struct bytes b = encode(patch);
		assert_round_trip(b.at, b.len);
		sample_ok(graft_patch_decode(b.at, b.len, &read));
		assert_int_equal(read->modules[0].redirects->behind, behind);
		assert_int_equal(read->modules[0].redirects->skip, r->skip);
		graft_patch_free(GRAFT_TAKE(read));
		replace(b, behind ? "\"format\":3" : "\"format\":1",
			behind ? "\"format\":1" : "\"format\":3");
		graft_patch_seal(b.at, b.len);
		sample_refused(graft_patch_decode(b.at, b.len, &read),
			       GRAFT_ERROR_BAD_INPUT, "format");
		free(b.at);
	}
}

static void
a_wrong_id_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct bytes b = encode(patch);
	struct graft_patch *read = NULL;

	uint8_t *id = memmem(b.at, b.len, patch->id, GRAFT_PATCH_ID_LEN);
	assert_non_null(id);
	*id = *id == '0' ? '1' : '0';
	sample_refused(graft_patch_decode(b.at, b.len, &read),
		       GRAFT_ERROR_BAD_INPUT, "id");
	graft_patch_seal(b.at, b.len);
	assert_round_trip(b.at, b.len);
	free(b.at);
}

static void
a_member_that_is_not_the_hashed_one_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *a = sample_small();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *b = sample_small();
	struct graft_patch *read = NULL;

	b->modules[0].runs[0].bytes[9] ^= 1;
	struct bytes left = encode(a);
	struct bytes right = encode(b);
	// The manifest of one with the member of the other.
	size_t off = 512;
	while (memcmp(left.at + off, "modules/", 8) != 0)
		off += 512;
	assert_int_equal(left.len, right.len);
	memcpy(left.at + off, right.at + off, left.len - off);
	sample_refused(graft_patch_decode(left.at, left.len, &read),
		       GRAFT_ERROR_BAD_INPUT, "SHA-256");
	free(left.at);
	free(right.at);
}

static void
members_twice_or_behind_the_end_are_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct bytes b = encode(patch);
	struct graft_patch *read = NULL;
	size_t off = 512;

	while (memcmp(b.at + off, "modules/", 8) != 0)
		off += 512;
	// manifest, member, member, end.
	GRAFT_FREE uint8_t *twice = sample_alloc(2, b.len);
	size_t member = b.len - 1024 - off;
	memcpy(twice, b.at, b.len - 1024);
	memcpy(twice + b.len - 1024, b.at + off, member + 1024);
	sample_refused(graft_patch_decode(twice, b.len + member, &read),
		       GRAFT_ERROR_BAD_INPUT, "behind the last member");
	// Trailing zeroes, as GNU tar pads to 10240.
	memset(twice, 0, 2 * b.len);
	memcpy(twice, b.at, b.len);
	sample_refused(graft_patch_decode(twice, b.len + 512, &read),
		       GRAFT_ERROR_BAD_INPUT, "behind the last member");
	// No member at all.
	memcpy(twice, b.at, off);
	memset(twice + off, 0, 1024);
	sample_refused(graft_patch_decode(twice, off + 1024, &read),
		       GRAFT_ERROR_BAD_INPUT, "modules/");
	free(b.at);
}

static void
modules_of_one_build_get_members_of_their_own(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();

	graft_patch_module_deinit(&patch->modules[1]);
	sample_hotpatch(&patch->modules[1]);
	patch->modules[1].old_sha256[0] ^= 1;
	struct bytes b = encode(patch);
	assert_non_null(memmem(b.at, b.len, "-1.elf\"", 7));
	assert_round_trip(b.at, b.len);
	free(b.at);
}

static void
one_file_under_two_names_is_carried_once(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	uint8_t *bytes = NULL;
	size_t len;

	struct bytes one = encode(patch);
	graft_patch_module_deinit(&patch->modules[1]);
	sample_hotpatch(&patch->modules[1]);
	assert_int_equal(graft_patch_module_first(patch, 1), 0);
	struct bytes b = encode(patch);
	assert_null(memmem(b.at, b.len, "-1.elf\"", 7));
	assert_true(b.len < one.len + 1024);
	assert_round_trip(b.at, b.len);
	free(b.at);
	free(one.at);

	patch->modules[1].runs[0].bytes[0] ^= 1;
	sample_refused(graft_patch_encode(patch, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "the same file");
	assert_null(bytes);
}

static void
what_breaks_a_rule_is_not_encoded(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	uint8_t *bytes = NULL;
	size_t len;

	patch->modules[0].runs[0].flags |= GRAFT_RUN_WRITE;
	sample_refused(graft_patch_encode(patch, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "writable and executable");
	patch->modules[0].runs[0].flags &= ~(uint32_t)GRAFT_RUN_WRITE;
	free(patch->title);
	patch->title = sample_str("two\nlines");
	sample_refused(graft_patch_encode(patch, &bytes, &len),
		       GRAFT_ERROR_BAD_INPUT, "title");
	assert_null(bytes);
}

static void
a_file_is_written_and_read(void **state)
{
	(void)state;
	char dir[] = "/tmp/graft-patch-XXXXXX";
	char path[64];
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *read = NULL;
	struct graft_patch *none = NULL;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/x.graft", dir);
	sample_refused(graft_patch_read_file(path, &none),
		       GRAFT_ERROR_NOT_FOUND, path);
	sample_ok(graft_patch_write_file(patch, path));
	sample_ok(graft_patch_read_file(path, &read));
	assert_string_equal(read->id, patch->id);
	sample_ok(graft_file_write(path, "graft", 5, 0600));
	sample_refused(graft_patch_read_file(path, &none),
		       GRAFT_ERROR_BAD_INPUT, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
a_signature_holds_for_one_manifest_and_one_key(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	struct bytes b = encode(patch);
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
	uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
	uint8_t sig[crypto_sign_BYTES];
	const char *manifest;
	size_t len;

	assert_true(sodium_init() >= 0);
	assert_int_equal(crypto_sign_keypair(public_key, secret_key), 0);
	sample_ok(graft_patch_find_manifest(b.at, b.len, &manifest, &len));
	assert_int_equal(manifest[0], '{');
	assert_int_equal(crypto_sign_detached(sig, NULL,
					      (const uint8_t *)manifest, len,
					      secret_key),
			 0);
	sample_ok(graft_patch_verify_signature(b.at, b.len, sig, sizeof(sig),
					       public_key));
	sample_refused(
		graft_patch_verify_signature(b.at, b.len, sig, 63, public_key),
		GRAFT_ERROR_BAD_SIGNATURE, "63");
	sig[5] ^= 1;
	sample_refused(graft_patch_verify_signature(b.at, b.len, sig,
						    sizeof(sig), public_key),
		       GRAFT_ERROR_BAD_SIGNATURE, NULL);
	sig[5] ^= 1;
	public_key[0] ^= 1;
	sample_refused(graft_patch_verify_signature(b.at, b.len, sig,
						    sizeof(sig), public_key),
		       GRAFT_ERROR_BAD_SIGNATURE, NULL);
	public_key[0] ^= 1;
	replace(b, "1.2-1+deb12u1", "1.2-1+deb12u9");
	sample_refused(graft_patch_verify_signature(b.at, b.len, sig,
						    sizeof(sig), public_key),
		       GRAFT_ERROR_BAD_SIGNATURE, NULL);
	free(b.at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(
			addresses_of_32_bits_come_back_among_the_others),
		cmocka_unit_test(a_small_hotpatch_stays_small),
		cmocka_unit_test(the_same_input_gives_the_same_id_and_bytes),
		cmocka_unit_test(random_hotpatches_round_trip),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(
			every_flipped_bit_with_its_hashes_made_right_is_bounded),
		cmocka_unit_test(sealing_what_is_right_changes_nothing),
		cmocka_unit_test(a_lie_in_the_manifest_is_refused),
		cmocka_unit_test(
			a_jump_behind_the_first_instruction_is_format_3_and_nothing_else_is),
		cmocka_unit_test(a_wrong_id_is_refused),
		cmocka_unit_test(
			a_member_that_is_not_the_hashed_one_is_refused),
		cmocka_unit_test(members_twice_or_behind_the_end_are_refused),
		cmocka_unit_test(modules_of_one_build_get_members_of_their_own),
		cmocka_unit_test(one_file_under_two_names_is_carried_once),
		cmocka_unit_test(what_breaks_a_rule_is_not_encoded),
		cmocka_unit_test(a_file_is_written_and_read),
		cmocka_unit_test(
			a_signature_holds_for_one_manifest_and_one_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
