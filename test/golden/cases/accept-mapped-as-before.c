// SPDX-License-Identifier: Apache-2.0

// A mapping is made as before; what is asked around it changed.

#define SAME
#include "refuse-r20-mapped-otherwise.c"
