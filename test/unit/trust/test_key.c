// SPDX-License-Identifier: Apache-2.0

// Keys and signatures, against what the openssl program made.

#include "trust/key.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Decode a key from its three strings; escapes in them are those of JSON.
static struct graft_error *
decode(const char *keytype, const char *scheme, const char *public,
       struct graft_key **ret)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	char json[4096];

	int len = snprintf(json, sizeof(json),
			   "{\"keytype\":\"%s\",\"scheme\":\"%s\","
			   "\"keyval\":{\"public\":\"%s\"},\"x\":1}",
			   keytype, scheme, public);
	assert_in_range(len, 1, sizeof(json) - 1);
	assert_null(graft_document_parse(json, (size_t)len, &document));
	return graft_key_decode(graft_document_root(document), ret);
}

static struct graft_key *
good(const char *keytype, const char *scheme, const char *public)
{
	struct graft_key *key = NULL;
	struct graft_error *err = decode(keytype, scheme, public, &key);

	if (err)
		fail_msg("%s", graft_error_message(err));
	return key;
}

static void
bad(const char *keytype, const char *scheme, const char *public,
    enum graft_error_code code)
{
	struct graft_key *key = NULL;
	struct graft_error *err = decode(keytype, scheme, public, &key);

	assert_non_null(err);
	assert_null(key);
	assert_int_equal(graft_error_code(err), code);
	graft_error_free(err);
}

static bool
verifies(const char *keytype, const char *scheme, const char *public,
	 const char *sig)
{
	GRAFT_CLEANUP(graft_key_freep)
	struct graft_key *key = good(keytype, scheme, public);

	return graft_key_verify(key, sig, "graft", 5);
}

static void
signatures_of_openssl_verify(void **state)
{
	(void)state;
	assert_true(verifies("ed25519", "ed25519", ed25519_hex, ed25519_sig));
	assert_true(verifies("ed25519", "ed25519", ed25519_pem, ed25519_sig));
	assert_true(
		verifies("ecdsa", "ecdsa-sha2-nistp256", p256_pem, p256_sig));
	assert_true(verifies("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256",
			     p256_pem, p256_sig));
	assert_true(verifies("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256",
			     p256_hex, p256_sig));
	assert_true(verifies("rsa", "rsassa-pss-sha256", rsa_pem, rsa_sig));
	assert_true(verifies("rsa", "rsassa-pss-sha256", rsa_pem,
			     rsa_sig_max_salt));
}

static void
a_padding_that_was_not_asked_for_is_refused(void **state)
{
	(void)state;
	assert_false(
		verifies("rsa", "rsassa-pss-sha256", rsa_pem, rsa_sig_pkcs1));
}

// Each bit of a signature and of what is signed counts.
static void
every_bit_counts(void **state)
{
	const struct {
		const char *keytype;
		const char *scheme;
		const char *public;
		const char *sig;
	} rows[] = {
		{ "ed25519", "ed25519", ed25519_hex, ed25519_sig },
		{ "ecdsa", "ecdsa-sha2-nistp256", p256_pem, p256_sig },
		{ "rsa", "rsassa-pss-sha256", rsa_pem, rsa_sig },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		GRAFT_CLEANUP(graft_key_freep)
		struct graft_key *key = good(rows[i].keytype, rows[i].scheme,
					     rows[i].public);
		GRAFT_FREE char *sig = strdup(rows[i].sig);
		assert_non_null(sig);
		for (size_t at = 0; sig[at]; at++) {
			char was = sig[at];
			sig[at] = was == '0' ? '1' : '0';
			assert_false(graft_key_verify(key, sig, "graft", 5));
			sig[at] = was;
		}
		assert_true(graft_key_verify(key, sig, "graft", 5));
		assert_false(graft_key_verify(key, sig, "grafu", 5));
		assert_false(graft_key_verify(key, sig, "graft", 4));
		sig[strlen(sig) - 2] = '\0';
		assert_false(graft_key_verify(key, sig, "graft", 5));
	}
}

static void
what_is_no_signature_is_not_valid(void **state)
{
	static char lots[8192];
	GRAFT_CLEANUP(graft_key_freep)
	struct graft_key *key = good("ed25519", "ed25519", ed25519_hex);

	(void)state;
	memset(lots, 'a', sizeof(lots) - 1);
	assert_false(graft_key_verify(key, "", "graft", 5));
	assert_false(graft_key_verify(key, "0", "graft", 5));
	assert_false(graft_key_verify(key, "no hex", "graft", 5));
	assert_false(graft_key_verify(key, lots, "graft", 5));
}

static void
kinds_that_are_not_handled_are_said(void **state)
{
	(void)state;
	bad("rsa", "rsa-pkcs1v15-sha256", rsa_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("ecdsa", "ecdsa-sha2-nistp384", p384_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("ecdsa", "ecdsa-sha2-nistp256", p384_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("ecdsa", "ecdsa-sha2-nistp256", rsa_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("ed25519", "ed25519", p256_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("rsa", "rsassa-pss-sha256", rsa1024_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("rsa", "rsassa-pss-sha256", p256_pem, GRAFT_ERROR_UNSUPPORTED);
	bad("rsa", "ed25519", ed25519_hex, GRAFT_ERROR_UNSUPPORTED);
}

static void
what_is_no_key_is_said(void **state)
{
	(void)state;
	bad("ed25519", "ed25519", "", GRAFT_ERROR_BAD_INPUT);
	bad("ed25519", "ed25519", "00", GRAFT_ERROR_BAD_INPUT);
	bad("ed25519", "ed25519", p256_hex, GRAFT_ERROR_BAD_INPUT);
	bad("ecdsa", "ecdsa-sha2-nistp256", ed25519_hex, GRAFT_ERROR_BAD_INPUT);
	// A point that is not on the curve.
	bad("ecdsa", "ecdsa-sha2-nistp256",
	    "0400000000000000000000000000000000000000000000000000000000000000"
	    "000000000000000000000000000000000000000000000000000000000000000"
	    "001",
	    GRAFT_ERROR_BAD_INPUT);
	bad("rsa", "rsassa-pss-sha256", "-----BEGIN PUBLIC KEY-----",
	    GRAFT_ERROR_BAD_INPUT);
	// Nobody is asked for a passphrase.
	bad("rsa", "rsassa-pss-sha256",
	    "-----BEGIN PUBLIC KEY-----\\nProc-Type: 4,ENCRYPTED\\n"
	    "DEK-Info: AES-128-CBC,00000000000000000000000000000000\\n\\n"
	    "AAAAAAAAAAAAAAAAAAAAAA==\\n-----END PUBLIC KEY-----\\n",
	    GRAFT_ERROR_BAD_INPUT);
}

static void
one_key_in_two_forms_is_one_key(void **state)
{
	GRAFT_CLEANUP(graft_key_freep)
	struct graft_key *hex = good("ecdsa", "ecdsa-sha2-nistp256", p256_hex);
	GRAFT_CLEANUP(graft_key_freep)
	struct graft_key *pem = good("ecdsa-sha2-nistp256",
				     "ecdsa-sha2-nistp256", p256_pem);
	GRAFT_CLEANUP(graft_key_freep)
	struct graft_key *other = good("ed25519", "ed25519", ed25519_hex);

	(void)state;
	assert_true(graft_key_equal(hex, pem));
	assert_false(graft_key_equal(hex, other));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_of_openssl_verify),
		cmocka_unit_test(a_padding_that_was_not_asked_for_is_refused),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(what_is_no_signature_is_not_valid),
		cmocka_unit_test(kinds_that_are_not_handled_are_said),
		cmocka_unit_test(what_is_no_key_is_said),
		cmocka_unit_test(one_key_in_two_forms_is_one_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
