//! Between the words of the auditor and those of the daemon.

use accounting_auditor as audit;
use accounting_auditor::{Answer, Change, Command, Whose, Why};
use accounting_daemon::{
    engine::{
        Answer as Sender, Balance, ListChange, ListError, Message, Refusal, SessionView, TokenView,
        Unavailable,
    },
    ledger::{
        AccessCode, Asker, Cause, Class, CreateError, Edit, EditError, Email, Given, Metering, NewToken, Now,
        RedeemError, Redemption, ReleaseError, Rules, SecondFactor, Token, TokenBalance, minutes_shown,
    },
    mac::{DeviceId, Mac},
    store::{Actor, ListEntry, ListKind},
};
use tokio::sync::oneshot;

/// Reads the answer to a letter; an error says what kept it from coming.
pub(crate) type Reply = Box<dyn FnOnce() -> Result<Answer, String>>;

pub(crate) fn now(now: audit::Now) -> Now {
    Now {
        monotonic: now.monotonic,
        wall: now.wall,
        trusted: now.trusted,
    }
}

pub(crate) fn rules(rules: &audit::Rules) -> Rules {
    Rules {
        devices_max: rules.devices_max,
        locations: rules.locations.clone(),
        idle_timeout: rules.idle_timeout,
        bill_idle: rules.bill_idle,
        session_timeout: rules.session_timeout,
        seat_silence: rules.seat_silence,
        takeover_silence: rules.takeover_silence,
        takeovers_max: rules.takeovers_max,
        takeover_window: rules.takeover_window,
        attempts_per_device: rules.attempts_per_device,
        attempts_per_asker: rules.attempts_per_asker,
        attempts_per_class: Class::ALL.map(|class| (class, rules.attempts_per_class)).into(),
    }
}

fn mac(number: u64) -> Mac {
    let [_, _, bytes @ ..] = number.to_be_bytes();
    Mac(bytes)
}

pub(crate) fn device(device: audit::Device) -> DeviceId {
    DeviceId {
        mac: mac(device.mac),
        zone: device.zone,
    }
}

pub(crate) fn device_back(device: DeviceId) -> audit::Device {
    let [a, b, c, d, e, f] = device.mac.0;
    audit::Device {
        mac: u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
        zone: device.zone,
    }
}

fn code(text: &str) -> AccessCode {
    let code = AccessCode::new(text);
    assert!(code.is_ok(), "the simulator types {text:?}, which is no code");
    code.unwrap_or_else(|_| unreachable!())
}

fn metering(elapsed: bool) -> Metering {
    if elapsed {
        Metering::ElapsedTime
    } else {
        Metering::ConnectedTime
    }
}

fn cause(cause: audit::Cause) -> Cause {
    let name = format!("{cause:?}");
    let found = Cause::ALL.into_iter().find(|cause| cause.as_str() == name);
    assert!(found.is_some(), "the daemon knows no cause {name}");
    found.unwrap_or(Cause::Logout)
}

#[expect(clippy::expect_used, reason = "what is made here is an address")]
fn email(who: u8) -> Email {
    Email::new(&format!("somebody-{who}@example.org")).expect("an address")
}

fn factor(whose: Whose) -> SecondFactor {
    let class = Class::ALL[usize::from(whose.class)];
    SecondFactor::new(class, &email(whose.who), [whose.who; 16])
}

/// Makes a letter of a command, and the way to read its answer.
pub(crate) fn letter(command: &Command) -> (Message, Reply) {
    match command.clone() {
        Command::Create(new) => {
            let new = NewToken {
                unique_id: uuid::Uuid::nil(),
                business_id: new.place,
                code: code(&new.code),
                description: None,
                minutes_included: new.minutes,
                minutes_left: new.minutes_left,
                valid_from: new.from,
                valid_to: new.to,
                user_limit: new.limit,
                mac_address: None,
                booking_guid: None,
                visitor_guid: None,
                system_id: None,
                metering: metering(new.elapsed),
                factor: new.whose.map(factor),
                by: "simulator".into(),
            };
            ask(
                |answer| Message::Create(Box::new(new), Actor::daemon(), answer),
                |token: Token| {
                    // This answer does not speak of seats.
                    Answer::Token(token_seen(&token.balance(), 0))
                },
                create_error,
            )
        }
        Command::Redeem(typed, from, takeover, given, asker) => {
            let redeem = Redemption {
                code: code(&typed),
                given: given.map_or(Given::Nothing, |who| Given::Email(email(who))),
                device: device(from),
                takeover,
                asker: Asker::Client(asker.to_string()),
                among: None,
            };
            ask(
                |answer| Message::Redeem(redeem, answer),
                |view| Answer::Session(session_seen(&view)),
                redeem_error,
            )
        }
        Command::Release(number, zone, why) => ask(
            |answer| Message::Release {
                mac: mac(number),
                zone,
                cause: cause(why),
                by: None,
                answer,
            },
            |()| Answer::Done,
            |error| match error {
                ReleaseError::NotOnline => Why::NotOnline,
                ReleaseError::SeveralZones => Why::SeveralZones,
            },
        ),
        Command::Edit(id, change) => {
            let mut edit = Edit::default();
            match change {
                Change::Minutes(minutes) => edit.minutes_included = Some(minutes),
                Change::Limit(limit) => edit.user_limit = Some(limit),
                Change::From(date) => edit.valid_from = Some(date),
                Change::To(date) => edit.valid_to = Some(date),
                Change::Code(typed) => edit.code = Some(code(&typed)),
                Change::Place(place) => edit.business_id = Some(place),
                Change::Elapsed(elapsed) => edit.metering = Some(metering(elapsed)),
            }
            ask(
                |answer| Message::Edit(id, Box::new(edit), Actor::daemon(), answer),
                view_seen,
                edit_error,
            )
        }
        Command::Balance(token, left) => {
            let balance = Balance {
                token,
                left,
                who: "simulator".into(),
                reason: String::new(),
            };
            ask(
                |answer| Message::Balance(balance, Actor::daemon(), answer),
                view_seen,
                edit_error,
            )
        }
        Command::Delete(id) => ask(
            |answer| Message::Delete(id, Actor::daemon(), answer),
            |()| Answer::Done,
            edit_error,
        ),
        Command::List(block, listed, until) => {
            let entry = ListEntry {
                kind: list(block),
                device: device(listed),
                note: None,
                until,
            };
            ask(
                |answer| Message::ChangeList(ListChange::Put(entry), Actor::daemon(), answer),
                Answer::Listed,
                list_error,
            )
        }
        Command::Unlist(block, listed) => {
            let change = ListChange::Delete(list(block), device(listed));
            ask(
                |answer| Message::ChangeList(change, Actor::daemon(), answer),
                Answer::Listed,
                list_error,
            )
        }
        Command::Token(id) => look(
            |answer| Message::Token(id, answer),
            |view: Option<TokenView>| view.map_or(Answer::Nothing, view_seen),
        ),
        Command::Sessions(number) => look(
            |answer| Message::SessionsOf {
                mac: mac(number),
                zone: None,
                answer,
            },
            |views: Vec<SessionView>| Answer::Sessions(views.iter().map(session_seen).collect()),
        ),
    }
}

fn ask<T: 'static, E: 'static>(
    letter: impl FnOnce(Sender<Result<T, Refusal<E>>>) -> Message,
    good: impl FnOnce(T) -> Answer + 'static,
    bad: impl FnOnce(E) -> Why + 'static,
) -> (Message, Reply) {
    let (answer, mut reply) = oneshot::channel();
    let read = move || match reply.try_recv() {
        Ok(Ok(value)) => Ok(good(value)),
        Ok(Err(Refusal::Ledger(error))) => Ok(Answer::Refused(bad(error))),
        // There is no mailbox to be full: a later letter of the round has ended the session, which was never there.
        Ok(Err(Refusal::Unavailable(Unavailable::Busy))) => Ok(Answer::Refused(Why::GateFull)),
        Ok(Err(Refusal::Unavailable(why))) => Err(why.to_string()),
        Err(error) => Err(error.to_string()),
    };
    (letter(answer), Box::new(read))
}

fn look<T: 'static, E: std::fmt::Display + 'static>(
    letter: impl FnOnce(Sender<Result<T, E>>) -> Message,
    good: impl FnOnce(T) -> Answer + 'static,
) -> (Message, Reply) {
    let (answer, mut reply) = oneshot::channel::<Result<T, E>>();
    let read = move || match reply.try_recv() {
        Ok(Ok(value)) => Ok(good(value)),
        Ok(Err(why)) => Err(why.to_string()),
        Err(error) => Err(error.to_string()),
    };
    (letter(answer), Box::new(read))
}

fn view_seen(view: TokenView) -> Answer {
    Answer::Token(token_seen(&view.token.balance(), view.seats_used))
}

fn token_seen(token: &TokenBalance, seats: u32) -> audit::TokenSeen {
    audit::TokenSeen {
        id: token.id,
        entitled: token.entitled,
        used: token.used,
        left: token.left(),
        shown: minutes_shown(token.left()),
        seats: seats as usize,
        run: token.run.as_ref().map(|run| (run.id, run.charged)),
    }
}

fn session_seen(view: &SessionView) -> audit::SessionSeen {
    audit::SessionSeen {
        id: view.id,
        device: device_back(view.device),
        token: token_seen(&view.token, view.seats_used),
        opened_on: view.opened_on,
        left: view.left,
    }
}

fn list(block: bool) -> ListKind {
    if block { ListKind::Block } else { ListKind::Bypass }
}

fn list_error(error: ListError) -> Why {
    match error {
        ListError::NotListed => Why::NotListed,
        ListError::Over => Why::Over,
        ListError::Configured | ListError::Full => {
            unreachable!("the simulator configures no lists and fills none")
        }
    }
}

fn create_error(error: CreateError) -> Why {
    match error {
        CreateError::CodeInUse => Why::CodeInUse,
        CreateError::NoIdLeft => unreachable!("the simulator does not make 2^63 tokens"),
    }
}

fn edit_error(error: EditError) -> Why {
    match error {
        EditError::NotFound => Why::NotFound,
        EditError::CodeInUse => Why::CodeInUse,
        EditError::MeteringFixed => Why::MeteringFixed,
        EditError::DatesReversed => Why::DatesReversed,
    }
}

fn redeem_error(error: RedeemError) -> Why {
    match error {
        RedeemError::TooManyAttempts { retry_after_s } => Why::TooManyAttempts(retry_after_s),
        RedeemError::UnknownCode => Why::UnknownCode,
        RedeemError::WrongLocation => Why::WrongLocation,
        RedeemError::ClockNotSet => Why::ClockNotSet,
        RedeemError::NotYetValid { valid_from } => Why::NotYetValid(valid_from),
        RedeemError::Expired => Why::Expired,
        RedeemError::Depleted => Why::Depleted,
        RedeemError::NoSeat {
            user_limit,
            seats_used,
            retry_after_s,
        } => Why::NoSeat(audit::Seat {
            limit: user_limit,
            used: seats_used as usize,
            retry_after: retry_after_s,
        }),
        // The kernel refuses either.
        RedeemError::GateFull | RedeemError::Blocked => Why::GateFull,
    }
}
