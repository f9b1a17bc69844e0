//! FLUSHALL where there are save points: answered when the file on the disk is empty, too.

use super::client::Stall;
use super::dispatch::Step;
use super::home::Home;
use super::mail::Mail;
use super::process::Saving;
use crate::command::ctx::Save;
use crate::command::generic::databases::will_flush_all;
use crate::command::spec::{CommandSpec, StoreFn};
use crate::resp::{Args, Output, Reply};
use crate::session::ReplyMode;

impl Home {
    /// Whether a save belongs to this flush.
    pub(super) fn saves_flush(&self, args: Args<'_>) -> bool {
        !self.config.save.is_empty() && !self.loading && will_flush_all(args)
    }

    /// Flushes all databases, and replies when that was saved. Whether it was makes no difference to the reply: the databases
    /// are empty.
    pub(super) fn flush_and_save(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        run: StoreFn,
        args: Args<'_>,
    ) -> Step {
        // The command's own reply is written nowhere; the one that counts comes with the file.
        let mode = std::mem::replace(&mut self.client(at).session.reply_mode, ReplyMode::Off);
        let step = self.route(at, spec, run, None, args);
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return step;
        };
        client.session.reply_mode = mode;
        if step != Step::Next {
            return step;
        }
        let proto = client.session.proto;
        let ticket = self.owe_offloaded(at);
        let post = self.post();
        let done = Box::new(move |_| {
            let mut output = Output::default();
            Reply::new(&mut output, proto).ok();
            post.send(Mail::Reply(ticket, output));
        });
        match self.process.save(Save::Flushed, done) {
            Ok(Saving { cut: Some(cut), .. }) => self.post_everywhere(&cut),
            Ok(_) => {}
            Err(_) => {
                let mut output = Output::default();
                Reply::new(&mut output, proto).ok();
                self.fill(ticket, output);
            }
        }
        self.client(at).stall = Stall::Replies;
        Step::Next
    }
}
