//! All tokens together: one round of commands at one instant, and what must be true afterwards.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Answer, Change, Command, Device, New, Now, Record, Rules, Session, SessionSeen, Token, TokenSeen, Why,
    due::Scope,
    rules::{FOREVER, MINUTE, signed},
    token::{fold, minutes},
};

/// What the kernel did to the rounds of openings that the daemon asked for: the sessions refused in each, in
/// the order of the refusals.
pub type Kernel = Vec<Vec<u64>>;

/// What a round must have led to.
#[derive(Clone, Debug)]
pub struct Round {
    /// An answer for each command.
    pub answers: Vec<Answer>,
    /// The books after each commit, where they were asked for.
    pub commits: Vec<Auditor>,
}

/// The books.
#[derive(Clone, Debug)]
pub struct Auditor {
    pub(crate) rules: Rules,
    pub(crate) tokens: BTreeMap<u64, Token>,
    /// Every record, by number.
    pub records: BTreeMap<u64, Record>,
    pub(crate) next_token: u64,
    pub(crate) next_session: u64,
    /// The calendar as it was last looked at: what comes due by date is worked out from it.
    pub(crate) offset: i64,
    /// The last instant the daemon looked: nothing that is due by date is older.
    pub(crate) last: u64,
    /// Refused redemptions: when, for which device, asked by whom.
    pub(crate) attempts: Vec<(u64, Device, u8)>,
    /// When codes of a class were tried in vain, with an e-mail address.
    pub(crate) tried: Vec<(u64, u8)>,
    pub(crate) undo: BTreeMap<u64, Undo>,
    /// Whether the daemon has been told that no interface is gated.
    pub(crate) lost: bool,
    /// The last look for frames of parked devices.
    pub(crate) looked: Option<u64>,
    /// Who is listed: whether blocked, and until when.
    pub(crate) lists: BTreeMap<(bool, Device), Option<i64>>,
}

/// What a redemption of this round did to others, should the kernel refuse it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Undo {
    pub(crate) replaced: Vec<(u64, Session)>,
    pub(crate) begun: bool,
    pub(crate) first: bool,
    pub(crate) takeover: bool,
}

/// What was decided and is answered at the end of the round.
enum Decided {
    Token(u64),
    Changed(u64),
    Session(Device, u64),
    Sessions(u64),
    Listed(bool),
    Done,
    Refused(Why),
}

impl Auditor {
    /// Empty books of a daemon that starts at an instant.
    #[must_use]
    pub fn new(rules: Rules, now: Now) -> Self {
        Self {
            rules,
            tokens: BTreeMap::new(),
            records: BTreeMap::new(),
            next_token: 1,
            next_session: 1,
            offset: now.offset(),
            last: now.monotonic,
            attempts: Vec::new(),
            tried: Vec::new(),
            undo: BTreeMap::new(),
            lost: false,
            looked: None,
            lists: BTreeMap::new(),
        }
    }

    /// Books, decides and answers; `kernel` says which sessions the kernel refused to let in, in each round of openings.
    pub fn round(
        &mut self,
        now: Now,
        attached: bool,
        commands: &[Command],
        kernel: &Kernel,
        keep: bool,
    ) -> Round {
        self.look(now);
        self.end_lists(now);
        self.attach(attached, now);
        self.undo.clear();
        let decided: Vec<Decided> = commands.iter().map(|command| self.decide(command, now)).collect();
        let mut commits = Vec::new();
        commits.extend(keep.then(|| self.clone()));
        for refused in kernel {
            for id in refused {
                self.refused(*id, now);
            }
            commits.extend((keep && !refused.is_empty()).then(|| self.clone()));
        }
        let answers = decided
            .into_iter()
            .map(|decided| self.answer(decided, now))
            .collect();
        Round { answers, commits }
    }

    fn look(&mut self, now: Now) {
        self.book(Scope::All, now);
        self.last = now.monotonic;
        // Nothing moves by a calendar that cannot be believed.
        if now.trusted && self.offset.abs_diff(now.offset()) > 250 {
            self.offset = now.offset();
            self.book(Scope::All, now);
        }
    }

    fn decide(&mut self, command: &Command, now: Now) -> Decided {
        let result = match command {
            Command::Create(new) => self.create(new).map(Decided::Changed),
            Command::Redeem(code, device, takeover, given, asker) => self
                .attempt(&fold(code), *device, *takeover, *given, *asker, now)
                .map(|id| Decided::Session(*device, id)),
            Command::Release(mac, zone, cause) => {
                let devices: Vec<Device> = self
                    .online(*mac)
                    .filter(|device| zone.is_none_or(|zone| device.zone == zone))
                    .collect();
                match devices.as_slice() {
                    [] => Err(Why::NotOnline),
                    [device] => {
                        self.end(*device, now.monotonic, now.monotonic, *cause, now);
                        Ok(Decided::Done)
                    }
                    _ => Err(Why::SeveralZones),
                }
            }
            Command::Edit(id, change) => self.edit(*id, change, now).map(|()| Decided::Changed(*id)),
            Command::Balance(id, left) => self.set_balance(*id, *left, now).map(|()| Decided::Changed(*id)),
            Command::Delete(id) => self.delete(*id, now).map(|()| Decided::Done),
            Command::List(block, device, until) => {
                self.list(*block, *device, *until, now).map(Decided::Listed)
            }
            Command::Unlist(block, device) => {
                self.unlist(*block, *device, now).map(|()| Decided::Listed(false))
            }
            Command::Token(id) => Ok(Decided::Token(*id)),
            Command::Sessions(mac) => Ok(Decided::Sessions(*mac)),
        };
        result.unwrap_or_else(Decided::Refused)
    }

    fn answer(&self, decided: Decided, now: Now) -> Answer {
        match decided {
            Decided::Token(id) => self
                .token(id, now.monotonic)
                .map_or(Answer::Nothing, Answer::Token),
            Decided::Changed(id) => self
                .token(id, now.monotonic)
                .map_or(Answer::Refused(Why::NotFound), Answer::Token),
            // A session that was refused, or that a later letter of the round ended, was never there.
            Decided::Session(device, id) => self
                .session(device, now.monotonic)
                .filter(|session| session.id == id)
                .map_or(Answer::Refused(Why::GateFull), Answer::Session),
            Decided::Sessions(mac) => Answer::Sessions(
                self.online(mac)
                    .filter_map(|device| self.session(device, now.monotonic))
                    .collect(),
            ),
            Decided::Listed(new) => Answer::Listed(new),
            Decided::Done => Answer::Done,
            Decided::Refused(why) => Answer::Refused(why),
        }
    }

    fn create(&mut self, new: &New) -> Result<u64, Why> {
        let code = fold(&new.code);
        if self.by_code(&code).is_some() {
            return Err(Why::CodeInUse);
        }
        let id = self.next_token;
        self.next_token += 1;
        self.tokens.insert(
            id,
            Token {
                id,
                code,
                place: new.place,
                minutes: new.minutes,
                from: new.from,
                to: new.to,
                limit: new.limit,
                elapsed: new.elapsed,
                whose: new.whose,
                redeemed: false,
                grants: vec![minutes(new.minutes_left.unwrap_or(new.minutes))],
                charges: Vec::new(),
                open: Vec::new(),
                run: None,
                takeovers: Vec::new(),
            },
        );
        Ok(id)
    }

    /// When an attempt that was refused is forgotten.
    pub fn attempts_end(&self) -> impl Iterator<Item = u64> + '_ {
        self.attempts.iter().map(|(at, ..)| at + MINUTE)
    }

    /// How long a takeover counts.
    #[must_use]
    pub fn takeover_window(&self) -> u64 {
        self.rules.takeover_window
    }

    /// The tokens there are.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> + '_ {
        self.tokens.values()
    }

    /// Every open session, with the number of its token.
    pub fn sessions(&self) -> impl Iterator<Item = (u64, &Session)> + '_ {
        self.tokens
            .values()
            .flat_map(|token| token.open.iter().map(|session| (token.id, session)))
    }

    /// A token at an instant.
    #[must_use]
    pub fn token(&self, id: u64, at: u64) -> Option<TokenSeen> {
        self.tokens.get(&id).map(|token| token.seen(at))
    }

    /// The open session of a device at an instant.
    #[must_use]
    pub fn session(&self, device: Device, at: u64) -> Option<SessionSeen> {
        let (token, session) = self.sessions().find(|(_, session)| session.device == device)?;
        let deadline = self.ends(token, at).min(self.cap(session));
        Some(SessionSeen {
            id: session.id,
            device,
            token: self.token(token, at)?,
            opened_on: session.opened_on,
            left: (deadline != FOREVER).then(|| deadline.saturating_sub(at)),
        })
    }

    /// The instant from which the gate must let nobody of a token pass.
    #[must_use]
    pub fn deadline(&self, token: u64) -> u64 {
        self.deadline_at(token, self.looked.unwrap_or(self.last))
    }

    /// The same where parked devices were looked at at an instant.
    #[must_use]
    pub fn deadline_at(&self, token: u64, looked: u64) -> u64 {
        self.tokens.get(&token).map_or(FOREVER, |token| {
            let depleted = if token.waits() {
                token.parked_until(looked, self.last)
            } else {
                token.depleted_at(self.last).unwrap_or(FOREVER)
            };
            depleted.min(self.expires_at(token))
        })
    }

    /// The instant at which the devices of a token are cut if nothing changes. Those that wait have the whole balance, since the
    /// deadline is moved until they come.
    fn ends(&self, id: u64, at: u64) -> u64 {
        match self.tokens.get(&id) {
            Some(token) if token.waits() => (at + token.left(at)).min(self.expires_at(token)),
            _ => self.deadline(id),
        }
    }

    /// The cap of one session.
    #[must_use]
    pub fn cap(&self, session: &Session) -> u64 {
        self.rules.session_timeout.map_or(FOREVER, |timeout| {
            (session.opened + signed(timeout)).max(0).unsigned_abs()
        })
    }

    /// Notes a frame that the gate forwarded.
    pub fn frame(&mut self, device: Device, up: bool, at: u64) {
        for session in self.tokens.values_mut().flat_map(|token| &mut token.open) {
            if session.device == device {
                let seen = if up { &mut session.up } else { &mut session.down };
                *seen = Some(at);
            }
        }
    }

    /// Whether the gate must let a device pass.
    #[must_use]
    pub fn passes(&self, device: Device, at: u64) -> bool {
        self.sessions()
            .find(|(_, session)| session.device == device)
            .is_some_and(|(token, session)| at < self.deadline(token).min(self.cap(session)))
    }

    /// Whether deadlines are worked out from the calendar as it is now.
    #[must_use]
    pub fn by_calendar_of(&self, now: Now) -> bool {
        self.offset == now.offset()
    }

    /// The instant at which these books were brought up to date.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.last
    }

    pub(crate) fn online(&self, mac: u64) -> impl Iterator<Item = Device> + '_ {
        let devices: BTreeSet<Device> = self
            .sessions()
            .map(|(_, session)| session.device)
            .filter(|device| device.mac == mac)
            .collect();
        devices.into_iter()
    }

    pub(crate) fn by_code(&self, code: &str) -> Option<u64> {
        self.tokens
            .values()
            .find(|token| token.code == code)
            .map(|token| token.id)
    }

    pub(crate) fn is_field_of(&self, id: u64, change: &Change) -> bool {
        matches!(change, Change::Code(code) if self.by_code(&fold(code)).is_some_and(|owner| owner != id))
    }
}
