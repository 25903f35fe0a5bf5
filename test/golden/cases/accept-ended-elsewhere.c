// SPDX-License-Identifier: Apache-2.0

// What was freed when a connection was shut is freed when it is destroyed; what OLD
// shut has no pointer any more, and is not freed twice.

#define CLEARED
#include "refuse-r20-ended-elsewhere.c"
