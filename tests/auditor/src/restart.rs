//! The daemon starts again: in the same boot the gate went on enforcing; after a reboot it was empty.

use std::collections::BTreeSet;

use crate::{Auditor, Cause, Device, Now, due::Scope, rules::signed};

impl Auditor {
    /// The daemon starts again in the same boot. `kept` are the devices that the gate still had for the sessions of these
    /// books, `checkpoint` the instant up to which charges are durable: a device that the gate lost is charged up to that
    /// and from its return on. Answers the books after each commit; `kernel` is as for [`Auditor::round`].
    #[must_use]
    pub fn restart(
        &self,
        now: Now,
        checkpoint: u64,
        kept: &BTreeSet<Device>,
        kernel: &[Vec<u64>],
    ) -> Vec<Self> {
        let mut books = self.clone();
        books.take_over(now, checkpoint, kept);
        books.commits(now, kernel)
    }

    /// The books after the first commit, and after what the kernel refused then.
    fn commits(mut self, now: Now, kernel: &[Vec<u64>]) -> Vec<Self> {
        let mut commits = vec![self.clone()];
        for refused in kernel.iter().filter(|refused| !refused.is_empty()) {
            for id in refused {
                self.refused(*id, now);
            }
            commits.push(self.clone());
        }
        commits
    }

    fn take_over(&mut self, now: Now, checkpoint: u64, kept: &BTreeSet<Device>) {
        self.undo.clear();
        self.attempts.clear();
        self.end_lists(now);
        self.offset = now.offset();
        self.last = checkpoint;
        (self.lost, self.looked) = (false, None);
        let mut lost = Vec::new();
        for token in self.tokens.values_mut() {
            token.takeovers.clear();
            let elapsed = token.elapsed;
            for session in &mut token.open {
                session.earlier = (None, None);
            }
            for mut session in token
                .open
                .extract_if(.., |session| !kept.contains(&session.device))
            {
                session.up = None;
                session.down = None;
                if session.parked {
                    lost.push((token.id, session));
                    continue;
                }
                if !elapsed {
                    session.before += checkpoint.saturating_sub(session.from);
                }
                session.from = now.monotonic;
                lost.push((token.id, session));
            }
        }
        // The balance of those who are out must not be given to those who are in.
        for (token, session) in &lost {
            if let Some(token) = self.tokens.get_mut(token) {
                token.charges.push((session.id, session.before));
            }
        }
        self.book(Scope::All, now);
        self.last = now.monotonic;
        lost.sort_by_key(|(_, session)| session.id);
        for (id, session) in lost {
            let cap = self.cap(&session);
            let Some(token) = self.tokens.get_mut(&id) else {
                continue;
            };
            token.charges.retain(|(number, _)| *number != session.id);
            let device = session.device;
            if session.parked {
                self.looked = Some(now.monotonic);
            }
            token.open.push(session);
            token.open.sort_by_key(|open| open.id);
            let at = now.monotonic;
            let late = token.to.is_some_and(|to| now.wall >= to);
            let cause = match token.left(at) {
                _ if late => Some(Cause::Expired),
                0 => Some(Cause::Depleted),
                _ => None,
            };
            let capped = (cap <= at).then_some(Cause::SessionTimeout);
            if let Some(cause) = capped.or(cause) {
                self.end(device, at, at, cause, now);
            }
        }
    }

    /// The gateway starts again, with an empty gate and a new clock. What is known of the time before ends with the
    /// checkpoint (`then`): every session is parked, charged up to it. Runs on elapsed time and dates go on, by the calendar
    /// if it is trusted.
    #[must_use]
    pub fn reboot(&self, then: Now, now: Now, kernel: &[Vec<u64>]) -> Vec<Self> {
        let mut books = self.clone();
        books.end_lists(now);
        books.lose_all(then, now);
        books.carry_on(then, now);
        books.commits(now, kernel)
    }

    fn lose_all(&mut self, then: Now, now: Now) {
        (self.lost, self.looked) = (false, None);
        self.undo.clear();
        self.attempts.clear();
        self.offset = then.offset();
        self.last = then.monotonic;
        let devices: BTreeSet<Device> = self.sessions().map(|(_, session)| session.device).collect();
        self.book(Scope::Unheard(&devices), then);
        let shift = signed(now.monotonic) - signed(then.monotonic);
        for token in self.tokens.values_mut() {
            let elapsed = token.elapsed;
            for session in &mut token.open {
                if !elapsed && !session.parked {
                    session.before += then.monotonic - session.from;
                }
                session.parked = true;
                session.from = now.monotonic;
                session.opened += shift;
                (session.up, session.down, session.earlier) = (None, None, (None, None));
            }
        }
        self.looked = Some(now.monotonic);
    }

    fn carry_on(&mut self, then: Now, now: Now) {
        let off = if now.trusted {
            (now.wall - then.wall).max(0)
        } else {
            0
        };
        for token in self.tokens.values_mut() {
            token.takeovers.clear();
            if let Some(run) = &mut token.run {
                run.before = run.charged(then.monotonic);
                run.since = run.since.map(|_| now.monotonic);
            }
        }
        self.offset = if now.trusted {
            now.offset()
        } else {
            then.wall - signed(now.monotonic)
        };
        self.last = now.monotonic;
        self.expire(then, now);
        let running: Vec<u64> = self
            .tokens()
            .filter(|token| token.run.is_some())
            .map(|token| token.id)
            .collect();
        for id in running {
            self.carry_over(id, off, now);
        }
        self.book(Scope::All, now);
    }

    /// Ends the sessions whose dates passed while the gateway was off, before their run was over.
    fn expire(&mut self, then: Now, now: Now) {
        let late: Vec<(u64, i64)> = self
            .tokens()
            .filter_map(|token| {
                let to = token
                    .to
                    .filter(|to| now.trusted && *to <= now.wall)?
                    .max(then.wall);
                let over = token.run.is_some() && then.wall + signed(token.left(now.monotonic)) < to;
                (!over).then_some((token.id, to))
            })
            .collect();
        for (id, to) in late {
            self.end_all(id, now.monotonic, Cause::Expired, Now { wall: to, ..now });
        }
    }

    /// Charges a run for the time the gateway was off, from the end of its pause on.
    fn carry_over(&mut self, id: u64, off: i64, now: Now) {
        let Some(token) = self.tokens.get_mut(&id) else {
            return;
        };
        let left = signed(token.left(now.monotonic));
        let from = token.from.unwrap_or(i64::MIN);
        let Some(run) = &mut token.run else {
            return;
        };
        let counts = match run.since {
            Some(_) => off,
            None if from <= now.wall => off.min(now.wall - from),
            None => return,
        };
        run.since = Some(now.monotonic);
        run.before += counts.min(left).unsigned_abs();
        if counts >= left {
            let ago = counts - left;
            let ended = Now {
                wall: now.wall - ago,
                ..now
            };
            self.end_all(id, now.monotonic, Cause::Depleted, ended);
        }
    }
}
