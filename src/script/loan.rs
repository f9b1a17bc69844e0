#![expect(
    unsafe_code,
    reason = "functions of the interpreter live as long as it does and reach the host of the script that runs"
)]
//! What runs a script's commands, lent to the interpreter for the time of the script.
//!
//! Functions registered with the interpreter have to live as long as it does; the command context they need lives as
//! long as one script. So its address is kept here while the script runs. [`Loan::with`] takes the address out while it
//! uses it, so that there is never a second reference, and [`Loan::lend`] forgets it before it returns.

use crate::resp::{Args, CommandError, OwnedArgs, Proto, Reply};
use std::cell::Cell;
use std::ptr::NonNull;

/// What a script wants of the server.
pub trait Host {
    /// Runs a command and appends its reply, errors included, to `reply`. Before a command that writes it asks whether the
    /// script may still do that.
    fn call(
        &mut self,
        args: Args<'_>,
        proto: Proto,
        reply: &mut Vec<u8>,
        may_write: &dyn Fn() -> bool,
    ) -> Result<(), Refusal>;
    /// Whether what its next commands do reaches the append-only file, and replicas.
    fn set_reach(&mut self, log: bool, replicas: bool);
    /// Whether the caller may run this command; `None` if there is no such command.
    fn may_call(&mut self, args: Args<'_>) -> Option<bool>;
    /// The name of what runs, and the command that called it.
    fn described(&self) -> (Vec<u8>, OwnedArgs);
    /// Lets the reply of the script be written.
    fn reply(&mut self, write: &mut dyn FnMut(&mut Reply<'_>));
    /// Called again and again once a script has run for longer than `busy-reply-threshold`.
    fn breathe(&mut self);
}

/// A command that was not run.
pub enum Refusal {
    /// The script is told.
    Error(CommandError),
    /// The script has to start anew where it has all keys. It has written nothing.
    Elsewhere,
    /// The script was told to stop before it wrote.
    Killed,
}

/// See the module.
#[derive(Default)]
pub(super) struct Loan {
    host: Cell<Option<NonNull<dyn Host>>>,
}

/// Ends a loan however its scope is left.
struct End<'a>(&'a Loan);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.host.set(None);
    }
}

impl Loan {
    /// Lends `host` while `run` runs.
    pub(super) fn lend<R>(&self, host: &mut dyn Host, run: impl FnOnce() -> R) -> R {
        let host: NonNull<dyn Host + '_> = NonNull::from(host);
        // SAFETY: only the lifetime changes. The address is forgotten when `End` is dropped, before this function
        // returns, and `host` is borrowed exclusively until then. A panic aborts, or unwinds through `End`.
        let host: NonNull<dyn Host + 'static> = unsafe { std::mem::transmute(host) };
        assert!(self.host.get().is_none(), "one script at a time");
        self.host.set(Some(host));
        let _end = End(self);
        run()
    }

    /// Uses the host that is lent, if one is and nobody uses it.
    pub(super) fn with<R>(&self, use_it: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
        let mut host = self.host.take()?;
        // SAFETY: `lend` has borrowed the host exclusively and has not returned, or the address would be gone. It was
        // taken out above, so nobody makes another reference before it is put back.
        let result = use_it(unsafe { host.as_mut() });
        self.host.set(Some(host));
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u32);

    impl Host for Counter {
        fn call(
            &mut self,
            _: Args<'_>,
            _: Proto,
            _: &mut Vec<u8>,
            _: &dyn Fn() -> bool,
        ) -> Result<(), Refusal> {
            Ok(())
        }
        fn set_reach(&mut self, _: bool, _: bool) {}
        fn may_call(&mut self, _: Args<'_>) -> Option<bool> {
            None
        }
        fn described(&self) -> (Vec<u8>, OwnedArgs) {
            Default::default()
        }
        fn reply(&mut self, _: &mut dyn FnMut(&mut Reply<'_>)) {}
        fn breathe(&mut self) {
            self.0 += 1;
        }
    }

    #[test]
    fn a_loan_ends_and_is_exclusive() {
        let loan = Loan::default();
        let mut counter = Counter(0);
        loan.lend(&mut counter, || {
            loan.with(|host| host.breathe());
            loan.with(|host| {
                host.breathe();
                assert!(loan.with(|_| ()).is_none(), "in use");
            });
        });
        assert!(loan.with(|_| ()).is_none(), "over");
        assert_eq!(counter.0, 2);
    }
}
