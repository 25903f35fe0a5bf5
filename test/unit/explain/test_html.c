// SPDX-License-Identifier: Apache-2.0

#include "explain/html.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
markup_becomes_text(void **state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)state;
	graft_html_put(&text, "<script>alert('1')</script> & \"x\"\n\x80");
	assert_string_equal(graft_text_str(&text),
			    "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; "
			    "&amp; &quot;x&quot;\\n\\x80");
}

static void
a_class_is_one_word(void **state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)state;
	graft_html_put_class(&text, "callee inlined\">");
	assert_string_equal(graft_text_str(&text), "callee-inlined--");
}

static void
a_hash_is_what_a_policy_wants(void **state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)state;
	// The example of CSP level 2, section 7.15.
	assert_null(graft_html_put_hash(&text, "alert('Hello, world.');"));
	assert_string_equal(
		graft_text_str(&text),
		"'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_becomes_text),
		cmocka_unit_test(a_class_is_one_word),
		cmocka_unit_test(a_hash_is_what_a_policy_wants),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
