// SPDX-License-Identifier: Apache-2.0

#include "cmd/print.h"

#include <stdio.h>

struct graft_error *
graft_print_text(const struct graft_text *text)
{
	if (text->failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(text), stdout);
	return NULL;
}
