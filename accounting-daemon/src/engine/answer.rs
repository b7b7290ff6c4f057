//! Letters to the engine, and the answers that wait for the commit.

use std::{collections::BTreeSet, net::IpAddr};

use tokio::sync::oneshot;

use super::{
    ListAsked, ListChange, ListError, ListPage, Refusal, SessionFilter, SessionPage, SessionView, TokenView,
    Unavailable,
};
use crate::{
    ledger::{
        AccessCode, Asker, BulkError, Cause, CreateError, Edit, EditError, Email, Given, NewToken,
        RedeemError, Redemption, ReleaseError, SessionId, Token, TokenId,
    },
    mac::{DeviceId, Mac},
    store::Actor,
};

/// Where an answer goes. Nobody need be waiting for it any more.
pub type Answer<T> = oneshot::Sender<T>;

/// What the edges ask.
#[derive(Debug)]
pub enum Message {
    /// See [`super::Engine::create`].
    Create(Box<NewToken>, Actor, Answer<Result<Token, Refusal<CreateError>>>),
    /// See [`super::Engine::create_all`].
    CreateAll(
        Vec<NewToken>,
        Actor,
        Answer<Result<Vec<TokenId>, Refusal<BulkError>>>,
    ),
    /// See [`super::Engine::delete_all`].
    DeleteAll(BTreeSet<TokenId>, Actor, Answer<Result<(), Refusal<EditError>>>),
    /// See [`super::Engine::token`].
    Token(TokenId, Answer<Result<Option<TokenView>, Unavailable>>),
    /// See [`super::Engine::edit`].
    Edit(
        TokenId,
        Box<Edit>,
        Actor,
        Answer<Result<TokenView, Refusal<EditError>>>,
    ),
    /// See [`super::Engine::set_email`].
    Email(
        TokenId,
        Email,
        [u8; 16],
        Actor,
        Answer<Result<(), Refusal<EditError>>>,
    ),
    /// See [`super::Engine::set_balance`].
    Balance(Balance, Actor, Answer<Result<TokenView, Refusal<EditError>>>),
    /// See [`super::Engine::delete`].
    Delete(TokenId, Actor, Answer<Result<(), Refusal<EditError>>>),
    /// See [`super::Engine::redeem`].
    Redeem(Redemption, Answer<Result<SessionView, Refusal<RedeemError>>>),
    /// See [`super::Engine::check`].
    Check(CodeCheck, Answer<Result<(), Refusal<RedeemError>>>),
    /// See [`super::Engine::release`].
    Release {
        /// The device's address.
        mac: Mac,
        /// Its zone, where it may be online in several.
        zone: Option<u16>,
        /// Why.
        cause: Cause,
        /// Who ends it, where that goes into the audit.
        by: Option<Actor>,
        /// Where the answer goes.
        answer: Answer<Result<(), Refusal<ReleaseError>>>,
    },
    /// See [`super::Engine::sessions_of`].
    SessionsOf {
        /// The address.
        mac: Mac,
        /// One zone; all without.
        zone: Option<u16>,
        /// Where the answer goes.
        answer: Answer<Result<Vec<SessionView>, Unavailable>>,
    },
    /// See [`super::Engine::sessions`].
    Sessions(PageAsked, Answer<Result<SessionPage, Unavailable>>),
    /// See [`super::Engine::change_list`].
    ChangeList(ListChange, Actor, Answer<Result<bool, Refusal<ListError>>>),
    /// See [`super::Engine::list`].
    List(ListAsked, Answer<Result<ListPage, Unavailable>>),
    /// See [`super::Engine::saw`].
    Saw(Vec<(DeviceId, IpAddr)>),
    /// See [`super::Engine::look`].
    Look,
    /// See [`super::Engine::stop`].
    Stop(Answer<()>),
}

/// A code to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCheck {
    /// What was typed.
    pub code: AccessCode,
    /// What came with it.
    pub given: Given,
    /// Who asks.
    pub asker: Asker,
    /// The locations whose tokens exist for whom asks; `None`: all.
    pub among: Option<BTreeSet<u64>>,
}

/// A page of open sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageAsked {
    /// Which sessions.
    pub filter: SessionFilter,
    /// The number of the last session of the page before; 0 for the first page.
    pub after: SessionId,
    /// Sessions at most.
    pub size: usize,
}

/// A balance to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The token.
    pub token: TokenId,
    /// Milliseconds it is to have left.
    pub left: u64,
    /// Who sets it.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// What was decided and is told once it is durable and the kernel has taken it.
#[derive(Debug)]
pub(super) enum Pending {
    Create(
        Result<TokenId, CreateError>,
        Answer<Result<Token, Refusal<CreateError>>>,
    ),
    Token(TokenId, Answer<Result<Option<TokenView>, Unavailable>>),
    Edit(
        Result<TokenId, EditError>,
        Answer<Result<TokenView, Refusal<EditError>>>,
    ),
    CreateAll(
        Result<Vec<TokenId>, BulkError>,
        Answer<Result<Vec<TokenId>, Refusal<BulkError>>>,
    ),
    Delete(Result<(), EditError>, Answer<Result<(), Refusal<EditError>>>),
    Redeem(
        Result<(DeviceId, SessionId), RedeemError>,
        Answer<Result<SessionView, Refusal<RedeemError>>>,
    ),
    Release(
        Result<(), ReleaseError>,
        Answer<Result<(), Refusal<ReleaseError>>>,
    ),
    SessionsOf(Mac, Option<u16>, Answer<Result<Vec<SessionView>, Unavailable>>),
    Check(Result<(), RedeemError>, Answer<Result<(), Refusal<RedeemError>>>),
    Sessions(PageAsked, Answer<Result<SessionPage, Unavailable>>),
    ChangeList(Result<bool, ListError>, Answer<Result<bool, Refusal<ListError>>>),
    List(ListAsked, Answer<Result<ListPage, Unavailable>>),
    Nothing,
    Stop(Answer<()>),
}

impl Message {
    /// Whether it only asks.
    pub(super) fn only_asks(&self) -> bool {
        matches!(
            self,
            Self::Token(..) | Self::SessionsOf { .. } | Self::Sessions(..) | Self::Look
        )
    }

    /// Tells that nothing was tried.
    pub(super) fn refuse(self, why: Unavailable) {
        // An asker that has gone away is no fault.
        let _ = match self {
            Self::Create(_, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::CreateAll(_, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::DeleteAll(_, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Token(_, answer) => answer.send(Err(why)).is_ok(),
            Self::Edit(_, _, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Email(_, _, _, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Balance(_, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Delete(_, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Redeem(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Release { answer, .. } => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::SessionsOf { answer, .. } => answer.send(Err(why)).is_ok(),
            Self::Check(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Sessions(_, answer) => answer.send(Err(why)).is_ok(),
            Self::ChangeList(_, _, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::List(_, answer) => answer.send(Err(why)).is_ok(),
            Self::Saw(_) | Self::Look => true,
            Self::Stop(answer) => answer.send(()).is_ok(),
        };
    }
}

impl Pending {
    /// Tells that the store failed: what was decided may or may not be durable.
    pub(super) fn fail(self) {
        let why = Unavailable::Store;
        // An asker that has gone away is no fault.
        let _ = match self {
            Self::Create(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::CreateAll(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Token(_, answer) => answer.send(Err(why)).is_ok(),
            Self::Edit(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Delete(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Redeem(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Release(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::SessionsOf(_, _, answer) => answer.send(Err(why)).is_ok(),
            Self::Check(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::Sessions(_, answer) => answer.send(Err(why)).is_ok(),
            Self::ChangeList(_, answer) => answer.send(Err(Refusal::Unavailable(why))).is_ok(),
            Self::List(_, answer) => answer.send(Err(why)).is_ok(),
            Self::Nothing => true,
            Self::Stop(answer) => answer.send(()).is_ok(),
        };
    }
}
