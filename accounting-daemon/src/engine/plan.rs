//! The effects of a round, in the order in which they must happen.

use std::collections::BTreeMap;

use crate::{
    ledger::{Effect, Session, TokenId},
    mac::DeviceId,
    store::Write,
};

/// The effects of a round, sorted into what comes before the commit, what is in it and what comes after.
#[derive(Clone, Default)]
pub(super) struct Plan {
    pub(super) tightest: BTreeMap<TokenId, u64>,
    pub(super) last: BTreeMap<TokenId, u64>,
    pub(super) writes: Vec<Write>,
    /// Where in `writes` the records stand that the closing completes.
    pub(super) closing: Vec<usize>,
    /// Sessions whose charge goes on, or stands still, from another instant on.
    pub(super) keep: BTreeMap<DeviceId, Session>,
    /// Each with the device's own deadline.
    pub(super) admit: BTreeMap<DeviceId, (Session, u64)>,
}

impl Plan {
    pub(super) fn new(effects: Vec<Effect>) -> Self {
        let mut plan = Self::default();
        for effect in effects {
            match effect {
                Effect::Create(token) => plan.writes.push(Write::Create(token)),
                Effect::Edit(token) => plan.writes.push(Write::Edit(token)),
                Effect::Update(balance) => plan.writes.push(Write::Update(balance)),
                Effect::Recode { before, .. } => plan.writes.push(Write::Uncode(before)),
                Effect::Delete { token, code } => {
                    plan.writes.push(Write::Delete(token));
                    plan.writes.push(Write::Uncode(code));
                    plan.last.remove(&token);
                }
                Effect::Adjust(adjustment) => plan.writes.push(Write::Adjust(adjustment)),
                Effect::Deadline { token, at } => {
                    let tightest = plan.tightest.entry(token).or_insert(at);
                    *tightest = at.min(*tightest);
                    plan.last.insert(token, at);
                }
                Effect::Admit(session, until) => {
                    plan.writes.push(Write::Open(session.clone()));
                    plan.admit.insert(session.device, (session, until));
                }
                Effect::Keep(session) => {
                    plan.writes.push(Write::Open(session.clone()));
                    plan.keep.insert(session.device, session);
                }
                Effect::Release(record) => {
                    plan.admit.remove(&record.device);
                    plan.keep.remove(&record.device);
                    plan.closing.push(plan.writes.len());
                    plan.writes.push(Write::Release(record));
                }
                Effect::EndRun(record) => plan.writes.push(Write::EndRun(record)),
                Effect::Void(id) => plan.writes.push(Write::Void(id)),
                Effect::Unrelease(id) => plan.writes.push(Write::Unrelease(id)),
            }
        }
        plan
    }
}
