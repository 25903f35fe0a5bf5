// SPDX-License-Identifier: Apache-2.0

#include "cmd/explain.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/file.h"
#include "explain/print.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum {
	/** Narrower terminals get the width that is as narrow as makes sense. */
	WIDTH_MIN = 60,
	PAGE_MODE = 0644,
};

/** Get the columns of standard output; 0 if it is no terminal. */
static unsigned
terminal_width(void)
{
	struct winsize size = { 0 };

	if (!isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 0;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

void
graft_explain_show(const struct graft_explanation *explanation,
		   const struct graft_patch *patch, struct graft_text *text)
{
	const struct graft_explain_style style = {
		.color = graft_env_color(STDOUT_FILENO),
		.width = terminal_width(),
	};

	graft_text_put(text, "\n");
	graft_explain_print_text(explanation, patch, &style, text);
}

void
graft_explain_splice(const struct graft_explanation *explanation,
		     const struct graft_patch *patch, struct graft_text *text)
{
	if (text->len < 2)
		return;
	text->len -= 2;
	graft_text_put(text, ",\"explanation\":");
	graft_explain_print_json(explanation, patch, text);
	graft_text_put(text, "}\n");
}

struct graft_error *
graft_explain_write(const struct graft_explanation *explanation,
		    const struct graft_patch *patch, const char *path)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text page = { 0 };

	struct graft_error *err = graft_explain_print_html(explanation, patch,
							   &page);
	if (err)
		return err;
	if (page.failed)
		return graft_error_no_memory();
	return graft_file_write(path, page.str, page.len, PAGE_MODE);
}
