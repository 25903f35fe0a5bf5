// SPDX-License-Identifier: Apache-2.0

/** @file What verbs print of a text that was written piece by piece. */

#ifndef GRAFT_CMD_PRINT_H
#define GRAFT_CMD_PRINT_H

#include "base/error.h"
#include "base/text.h"

/** Print a text that is whole. @return NULL; #GRAFT_ERROR_NO_MEMORY if it is not. */
GRAFT_MUST_CHECK struct graft_error *
graft_print_text(const struct graft_text *text);

#endif /* GRAFT_CMD_PRINT_H */
