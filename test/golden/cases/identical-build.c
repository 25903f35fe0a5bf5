// SPDX-License-Identifier: Apache-2.0

// same: nothing but the build-id differs
// new-ldflags: -Wl,--build-id=0x1234567890abcdef
// old-ldflags: -Wl,--build-id=0xfedcba0987654321

long
probe(long input)
{
	return input * 3;
}
