// SPDX-License-Identifier: Apache-2.0

// A panic unwinds through carried Rust code, which cleans up behind it.
// compiler: gcc
// opt: -O2 -O3
// kind: so

use std::panic;

struct Guard<'a>(&'a mut i64);

impl<'a> Drop for Guard<'a> {
    fn drop(&mut self) {
        *self.0 += 5;
    }
}

#[inline(never)]
fn risky(value: i64) -> i64 {
    if value % 3 == 1 {
        panic::resume_unwind(Box::new(value));
    }
    value
}

#[inline(never)]
fn carried(value: i64, side: &mut i64) -> i64 {
    let guard = Guard(side);
    let answer = risky(value);
    drop(guard);
    if cfg!(new) {
        answer * 3 + 1
    } else {
        answer * 2 + 1
    }
}

#[no_mangle]
pub extern "C" fn probe(value: i64) -> i64 {
    let mut side = 0;
    let work = panic::AssertUnwindSafe(|| carried(value, &mut side));
    match panic::catch_unwind(work) {
        Ok(answer) => answer * 100 + side,
        Err(thrown) => -*thrown.downcast_ref::<i64>().unwrap() * 100 - side,
    }
}
