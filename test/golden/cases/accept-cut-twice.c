// SPDX-License-Identifier: Apache-2.0

// The place in a ring is cut when it is kept, and still when it is used.

#define SAME
#include "refuse-r24-cut-when-kept.c"
