// SPDX-License-Identifier: Apache-2.0

// A static object of a function is made as before, and used otherwise.

// inferred: the guard of a static variable has no type

#define SAME
#include "refuse-r04-first-use-static.cc"
