// SPDX-License-Identifier: Apache-2.0

// A descriptor is watched as before; what is asked around it changed.

#define SAME
#include "refuse-r20-edge-triggered.c"
