// SPDX-License-Identifier: Apache-2.0

// Where a function was called that leaves a text of the program in a member, what
// stands there is ended now, and made anew: it is no copy of what was called.
// opt: -O1 -O2 -O3 -Os

#define OTHERS
#include "accept-owner-inlined.c"
