// SPDX-License-Identifier: Apache-2.0

// A member that pointed to a text of the program gets a copy of its own, which is
// freed with it; another one, as far behind its pointer, is no longer freed.

#define BESIDE
#include "refuse-r20-owned-text.c"
