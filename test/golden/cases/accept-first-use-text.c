// SPDX-License-Identifier: Apache-2.0

// What is made at a first use is made as before; what is done with it, and what is
// said where it cannot be made, changed.

// compiler: gcc

#define SAME
#include "refuse-r04-first-use-text.c"
