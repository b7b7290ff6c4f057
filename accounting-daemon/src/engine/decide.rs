//! What each letter comes to: the ledger decides, once what it has to know is in memory.

use super::{
    Core,
    answer::{Balance, CodeCheck, Message, Pending},
    round::seen,
};
use crate::{
    gate::Gate,
    ledger::{FoldedCode, Now, TokenId},
    store::{Store, StoreError},
};

impl<S: Store, G: Gate> Core<S, G> {
    /// Decides one letter. What the store could not tell is a `failure` of the whole round.
    pub(super) fn decide(&mut self, message: Message, now: Now, failure: &mut Option<StoreError>) -> Pending {
        match message {
            Message::Create(new, by, answer) => {
                self.load_code(&new.code.folded(), failure);
                let result = self.ledger.create(*new, now);
                if let Ok(id) = result {
                    self.audit_token("token.create", id, None, by, now);
                }
                Pending::Create(result, answer)
            }
            Message::CreateAll(new, by, answer) => {
                // In the order in which the store has them, so that each of its pages is read once.
                let mut codes: Vec<FoldedCode> = new.iter().map(|one| one.code.folded()).collect();
                codes.sort_unstable();
                for code in &codes {
                    self.load_code(code, failure);
                }
                let result = self.ledger.create_all(new, now);
                if let Ok(ids) = &result {
                    self.audit_creation(ids, by, now);
                }
                Pending::CreateAll(result, answer)
            }
            Message::DeleteAll(ids, by, answer) => {
                for id in &ids {
                    self.load_token(*id, failure);
                }
                let before: Vec<_> = ids.iter().map(|id| (*id, self.audited(*id, now))).collect();
                let result = self.ledger.delete_all(&ids, now);
                for (id, before) in before.into_iter().filter(|_| result.is_ok()) {
                    self.audit_token("token.delete", id, before, by.clone(), now);
                }
                Pending::Delete(result, answer)
            }
            Message::Redeem(redemption, answer) => {
                self.load_code(&redemption.code.folded(), failure);
                let result = self.ledger.redeem(&redemption, &seen(&self.gate), now);
                Pending::Redeem(result.map(|id| (redemption.device, id)), answer)
            }
            Message::Release {
                mac,
                zone,
                cause,
                by,
                answer,
            } => {
                let result = self.ledger.release(mac, zone, cause, now);
                if let (Ok(()), Some(by)) = (result, by) {
                    self.audit_disconnect(mac, zone, by, now);
                }
                Pending::Release(result, answer)
            }
            Message::Token(id, answer) => {
                self.load_token(id, failure);
                Pending::Token(id, answer)
            }
            Message::Edit(id, edit, by, answer) => {
                self.load_token(id, failure);
                if let Some(code) = &edit.code {
                    self.load_code(&code.folded(), failure);
                }
                let before = self.audited(id, now);
                let result = self.ledger.edit(id, *edit, now);
                if result.is_ok() {
                    self.audit_token("token.edit", id, before, by, now);
                }
                Pending::Edit(result.map(|()| id), answer)
            }
            Message::Email(id, email, salt, by, answer) => {
                self.load_token(id, failure);
                let before = self.audited(id, now);
                let result = self.ledger.set_email(id, &email, salt);
                if result.is_ok() {
                    self.audit_token("token.email", id, before, by, now);
                }
                Pending::Delete(result, answer)
            }
            Message::Balance(balance, by, answer) => {
                let Balance {
                    token,
                    left,
                    who,
                    reason,
                } = balance;
                self.load_token(token, failure);
                let before = self.audited(token, now);
                let result = self.ledger.set_balance(token, left, who, reason.clone(), now);
                if result.is_ok() {
                    self.audit_balance(token, before, reason, by, now);
                }
                Pending::Edit(result.map(|()| token), answer)
            }
            Message::Delete(id, by, answer) => {
                self.load_token(id, failure);
                let before = self.audited(id, now);
                let result = self.ledger.delete(id, now);
                if result.is_ok() {
                    self.audit_token("token.delete", id, before, by, now);
                }
                Pending::Delete(result, answer)
            }
            Message::Check(check, answer) => {
                self.load_code(&check.code.folded(), failure);
                let seen = seen(&self.gate);
                let CodeCheck {
                    code,
                    given,
                    asker,
                    among,
                } = &check;
                let checked = self.ledger.check(code, given, asker, among.as_ref(), &seen, now);
                Pending::Check(checked, answer)
            }
            Message::Sessions(asked, answer) => Pending::Sessions(asked, answer),
            Message::ChangeList(change, by, answer) => {
                Pending::ChangeList(self.change_list(&change, by, now), answer)
            }
            Message::List(asked, answer) => Pending::List(asked, answer),
            Message::SessionsOf { mac, zone, answer } => Pending::SessionsOf(mac, zone, answer),
            Message::Saw(seen) => {
                self.saw(seen);
                Pending::Nothing
            }
            Message::Look => Pending::Nothing,
            Message::Stop(answer) => Pending::Stop(answer),
        }
    }

    fn load_token(&mut self, id: TokenId, failure: &mut Option<StoreError>) {
        if self.ledger.knows(id) {
            return;
        }
        match self.store.token(id) {
            Ok(Some(token)) => match self.store.factor(token.id) {
                Ok(factor) => self.ledger.load(token, factor),
                Err(error) => *failure = Some(error),
            },
            Ok(None) => {}
            Err(error) => *failure = Some(error),
        }
    }

    fn load_code(&mut self, code: &FoldedCode, failure: &mut Option<StoreError>) {
        if self.ledger.knows_code(code) {
            return;
        }
        match self.store.balance_by_code(code) {
            Ok(Some(balance)) => match self.store.factor(balance.id) {
                Ok(factor) => self.ledger.load_code(code.clone(), balance, factor),
                Err(error) => *failure = Some(error),
            },
            Ok(None) => {}
            Err(error) => *failure = Some(error),
        }
    }
}
