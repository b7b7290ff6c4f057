//! The way into the engine: a bounded mailbox, and an answer for each letter.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use tokio::sync::oneshot;

use super::{
    Meters, Observer, Refusal, SessionView, TokenView, Unavailable,
    answer::{Answer, Balance, CodeCheck, Message, PageAsked},
    feed::Feed,
    listing::SessionPage,
    lists::{ListAsked, ListChange, ListError, ListPage},
};
use crate::{
    ledger::{
        BulkError, Cause, CreateError, Edit, EditError, NewToken, RedeemError, Redemption, ReleaseError,
        Token, TokenId,
    },
    mac::{DeviceId, Mac},
    store::Actor,
};

/// Letters that may wait; more are answered with [`Unavailable::Busy`].
const MAILBOX_MAX: usize = 4_096;

/// The way into the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    mailbox: SyncSender<Message>,
    meters: Arc<Meters>,
    feed: Arc<Feed>,
    observer: Arc<dyn Observer>,
    failing: Arc<AtomicBool>,
    attached: Arc<AtomicBool>,
}

impl Engine {
    /// A mailbox, and the end at which the worker reads it.
    pub(super) fn new(
        meters: Arc<Meters>,
        feed: Arc<Feed>,
        observer: Arc<dyn Observer>,
        failing: Arc<AtomicBool>,
        attached: Arc<AtomicBool>,
    ) -> (Self, Receiver<Message>) {
        let (mailbox, inbox) = sync_channel(MAILBOX_MAX);
        (
            Self {
                mailbox,
                meters,
                feed,
                observer,
                failing,
                attached,
            },
            inbox,
        )
    }

    /// The minutes of every open session, read without asking the engine.
    #[must_use]
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Whether the store takes no commits at the moment: questions are answered, all else is refused.
    #[must_use]
    pub fn store_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Creates a token.
    ///
    /// # Errors
    /// [`CreateError`], or no answer.
    pub async fn create(&self, new: NewToken, by: Actor) -> Result<Token, Refusal<CreateError>> {
        flatten(
            self.ask(|answer| Message::Create(Box::new(new), by, answer))
                .await,
        )
    }

    /// Creates many tokens in one commit, all or none; answers their numbers in the order given.
    ///
    /// # Errors
    /// [`BulkError`], or no answer.
    pub async fn create_all(
        &self,
        new: Vec<NewToken>,
        by: Actor,
    ) -> Result<Vec<TokenId>, Refusal<BulkError>> {
        flatten(self.ask(|answer| Message::CreateAll(new, by, answer)).await)
    }

    /// Deletes many tokens and revokes their sessions in one commit, all or none.
    ///
    /// # Errors
    /// [`EditError`], or no answer.
    pub async fn delete_all(&self, ids: BTreeSet<TokenId>, by: Actor) -> Result<(), Refusal<EditError>> {
        flatten(self.ask(|answer| Message::DeleteAll(ids, by, answer)).await)
    }

    /// The token with this number.
    ///
    /// # Errors
    /// No answer.
    pub async fn token(&self, id: TokenId) -> Result<Option<TokenView>, Unavailable> {
        self.ask(|answer| Message::Token(id, answer)).await?
    }

    /// Edits a token; it takes effect at once, on its open sessions too.
    ///
    /// # Errors
    /// [`EditError`], or no answer.
    pub async fn edit(&self, id: TokenId, edit: Edit, by: Actor) -> Result<TokenView, Refusal<EditError>> {
        flatten(
            self.ask(|answer| Message::Edit(id, Box::new(edit), by, answer))
                .await,
        )
    }

    /// Sets the balance of a token.
    ///
    /// # Errors
    /// [`EditError`], or no answer.
    pub async fn set_balance(&self, balance: Balance, by: Actor) -> Result<TokenView, Refusal<EditError>> {
        flatten(self.ask(|answer| Message::Balance(balance, by, answer)).await)
    }

    /// Deletes a token and revokes its sessions.
    ///
    /// # Errors
    /// [`EditError`], or no answer.
    pub async fn delete(&self, id: TokenId, by: Actor) -> Result<(), Refusal<EditError>> {
        flatten(self.ask(|answer| Message::Delete(id, by, answer)).await)
    }

    /// Opens a session, or returns the open one when this device is on this code already.
    ///
    /// # Errors
    /// [`RedeemError`], or no answer.
    pub async fn redeem(&self, redemption: Redemption) -> Result<SessionView, Refusal<RedeemError>> {
        flatten(self.ask(|answer| Message::Redeem(redemption, answer)).await)
    }

    /// Whether a code would open a session for another device.
    ///
    /// # Errors
    /// [`RedeemError`], or no answer.
    pub async fn check(&self, check: CodeCheck) -> Result<(), Refusal<RedeemError>> {
        flatten(self.ask(|answer| Message::Check(check, answer)).await)
    }

    /// Some open sessions, oldest first.
    ///
    /// # Errors
    /// No answer.
    pub async fn sessions(&self, asked: PageAsked) -> Result<SessionPage, Unavailable> {
        self.ask(|answer| Message::Sessions(asked, answer)).await?
    }

    /// Changes the bypass or the block list; answers whether the entry is new. Whoever is blocked is offline then.
    ///
    /// # Errors
    /// [`ListError`], or no answer.
    pub async fn change_list(&self, change: ListChange, by: Actor) -> Result<bool, Refusal<ListError>> {
        flatten(self.ask(|answer| Message::ChangeList(change, by, answer)).await)
    }

    /// Some entries of a list.
    ///
    /// # Errors
    /// No answer.
    pub async fn list(&self, asked: ListAsked) -> Result<ListPage, Unavailable> {
        self.ask(|answer| Message::List(asked, answer)).await?
    }

    /// What happens to sessions.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Ends the session of a MAC address, in the zone named or in the only one.
    ///
    /// # Errors
    /// [`ReleaseError`], or no answer.
    pub async fn release(
        &self,
        mac: Mac,
        zone: Option<u16>,
        cause: Cause,
    ) -> Result<(), Refusal<ReleaseError>> {
        let letter = |answer| Message::Release {
            mac,
            zone,
            cause,
            by: None,
            answer,
        };
        flatten(self.ask(letter).await)
    }

    /// The same as an administrator's act, which the audit has: the cause is [`Cause::Disconnected`].
    ///
    /// # Errors
    /// [`ReleaseError`], or no answer.
    pub async fn disconnect(
        &self,
        mac: Mac,
        zone: Option<u16>,
        by: Actor,
    ) -> Result<(), Refusal<ReleaseError>> {
        let letter = |answer| Message::Release {
            mac,
            zone,
            cause: Cause::Disconnected,
            by: Some(by),
            answer,
        };
        flatten(self.ask(letter).await)
    }

    /// The open sessions of a MAC address, by zone: in the zone named, or in all.
    ///
    /// # Errors
    /// No answer.
    pub async fn sessions_of(&self, mac: Mac, zone: Option<u16>) -> Result<Vec<SessionView>, Unavailable> {
        self.ask(|answer| Message::SessionsOf { mac, zone, answer })
            .await?
    }

    /// Tells whether any interface is gated; while none is, sessions are parked.
    pub fn set_attached(&self, attached: bool) {
        if self.attached.swap(attached, Ordering::Relaxed) != attached {
            self.look();
        }
    }

    /// Tells with which addresses devices were seen; it is written with what is written next. Answers whether there was room in
    /// the mailbox.
    #[must_use]
    pub fn saw(&self, seen: Vec<(DeviceId, IpAddr)>) -> bool {
        self.mailbox.try_send(Message::Saw(seen)).is_ok()
    }

    /// Has the worker look at the clocks and at what is due, at once.
    pub fn look(&self) {
        // A full mailbox is looked at in any case, and a worker that has stopped looks at nothing.
        let _ = self.mailbox.try_send(Message::Look);
    }

    /// Tells the worker to finish the letters that wait and stop. The gate goes on enforcing.
    ///
    /// # Errors
    /// No answer, when it has stopped already.
    pub async fn stop(&self) -> Result<(), Unavailable> {
        self.ask(Message::Stop).await
    }

    async fn ask<T>(&self, letter: impl FnOnce(Answer<T>) -> Message) -> Result<T, Unavailable> {
        let (answer, reply) = oneshot::channel();
        self.mailbox
            .try_send(letter(answer))
            .map_err(|error| match error {
                TrySendError::Full(_) => {
                    self.observer.mailbox_full();
                    Unavailable::Busy
                }
                TrySendError::Disconnected(_) => Unavailable::Stopping,
            })?;
        reply.await.map_err(|_| Unavailable::Stopping)
    }
}

fn flatten<T, E>(answer: Result<Result<T, Refusal<E>>, Unavailable>) -> Result<T, Refusal<E>> {
    answer.unwrap_or_else(|unavailable| Err(Refusal::Unavailable(unavailable)))
}
