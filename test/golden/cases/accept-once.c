// SPDX-License-Identifier: Apache-2.0

// What runs once asks more, and sets what it set; what comes behind it changed.

// ldflags: -lpthread
// debug: g sym

#define SAME
#include "refuse-r04-once-sets-more.c"
