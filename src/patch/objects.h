// SPDX-License-Identifier: Apache-2.0

/** @file The new writable objects of a module in the manifest. Inside patch/ only. */

#ifndef GRAFT_PATCH_OBJECTS_H
#define GRAFT_PATCH_OBJECTS_H

#include "base/error.h"
#include "base/text.h"
#include "patch/json.h"
#include "patch/patch.h"

/** Append the member of a module's object, if it has such objects. */
void
graft_objects_put(struct graft_text *out, const struct graft_patch_module *m);

/** Take the member, if it is the next one. */
void
graft_objects_take(struct graft_json *o, struct graft_patch_module *m);

#endif /* GRAFT_PATCH_OBJECTS_H */
