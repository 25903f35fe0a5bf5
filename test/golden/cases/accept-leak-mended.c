// SPDX-License-Identifier: Apache-2.0

// What was made and never ended is ended: a leak is mended, elsewhere than where it
// was made.

#define LEAKED
#include "refuse-r20-owned-text.c"
