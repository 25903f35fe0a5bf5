// SPDX-License-Identifier: Apache-2.0

// A stream is opened as before, though the text says so in other letters.

#define SAME
#include "refuse-r20-stream-mode.c"
