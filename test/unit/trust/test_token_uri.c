// SPDX-License-Identifier: Apache-2.0

// URIs of keys in tokens.

#include "base/cleanup.h"
#include "trust/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MODULE "?module-path=/m.so"

static void
a_uri_is_read(void **state)
{
	struct graft_token_uri uri;

	(void)state;
	assert_null(
		graft_token_uri_read("pkcs11:token=a%20b;object=k;id=%01%ff;"
				     "serial=7;type=private" MODULE,
				     &uri));
	assert_string_equal(uri.token, "a b");
	assert_string_equal(uri.object, "k");
	assert_string_equal(uri.serial, "7");
	assert_string_equal(uri.module, "/m.so");
	assert_int_equal(uri.id_len, 2);
	assert_int_equal(uri.id[0], 1);
	assert_int_equal(uri.id[1], 0xff);
}

static void
a_uri_that_is_not_whole_or_understood_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"http://x",
		"pkcs11:",
		"pkcs11:token=a;object=k",
		"pkcs11:token=a" MODULE,
		"pkcs11:object=k" MODULE,
		"pkcs11:token=a;token=b;object=k" MODULE,
		"pkcs11:token=a;object=k;slot-id=1" MODULE,
		"pkcs11:token=a;object=k;type=public" MODULE,
		"pkcs11:token=a;object" MODULE,
		"pkcs11:token=;object=k" MODULE,
		"pkcs11:token=a%00b;object=k" MODULE,
		"pkcs11:token=a%2;object=k" MODULE,
		"pkcs11:token=a%2x;object=k" MODULE,
		"pkcs11:token=a;object=k?module-name=x",
		"pkcs11:token=a;object=k;=x" MODULE,
	};
	struct graft_token_uri uri;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct graft_error *err = graft_token_uri_read(bad[i], &uri);
		if (!err)
			fail_msg("%s", bad[i]);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		graft_error_free(err);
	}
}

static void
a_pin_is_no_part_of_a_uri(void **state)
{
	static const char *const bad[] = {
		"pkcs11:token=a;object=k?module-path=/m&pin-value=geheim",
		"pkcs11:token=a;object=k?module-path=/m&pin-source=x",
		"pkcs11:token=a;pin-value=geheim;object=k?module-path=/m",
		"pkcs11:token=a;object=k?module-path=/m;pin-value=geheim",
		"pkcs11:token=a&pin-value=geheim;object=k?module-path=/m",
		"pkcs11:token=a;object=k?module-path=/m&PIN-VALUE=geheim",
	};
	struct graft_token_uri uri;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct graft_error *err = graft_token_uri_read(bad[i], &uri);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err),
				 GRAFT_ERROR_NOT_PERMITTED);
		assert_null(strstr(graft_error_message(err), "geheim"));
		graft_error_free(err);
	}
}

static void
what_is_too_long_is_refused(void **state)
{
	char text[GRAFT_TOKEN_TEXT_LEN + 64];
	struct graft_token_uri uri;

	(void)state;
	for (size_t len = GRAFT_TOKEN_TEXT_LEN - 2; len <= GRAFT_TOKEN_TEXT_LEN;
	     len++) {
		(void)snprintf(text, sizeof(text),
			       "pkcs11:object=k;token=%0*d" MODULE, (int)len,
			       0);
		struct graft_error *err = graft_token_uri_read(text, &uri);
		assert_int_equal(err == NULL, len < GRAFT_TOKEN_TEXT_LEN);
		graft_error_free(err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_is_read),
		cmocka_unit_test(
			a_uri_that_is_not_whole_or_understood_is_refused),
		cmocka_unit_test(a_pin_is_no_part_of_a_uri),
		cmocka_unit_test(what_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
