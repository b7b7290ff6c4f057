//! Rules that can be broken on purpose, to show that somebody would notice: the simulator breaks each in turn. Without
//! the feature `mutants` nothing is ever broken, and the compiler drops the questions.

/// Declares the mutants, and the list of all of them.
macro_rules! mutants {
    ($($(#[doc = $text:literal])* $name:ident,)*) => {
        /// A rule, named by what goes wrong without it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $text])* $name,)*
        }

        impl Mutant {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

mutants! {
    /// The balance is looked at before the calendar.
    ConditionsOutOfOrder,
    /// Attempts are not limited.
    NoBudget,
    /// A code is enough where an e-mail address must come with it.
    EmailNotAsked,
    /// A class of short codes may be tried without limit.
    ClassUnlimited,
    /// A class that is not heard any more takes the others with it.
    ClassSilencesAll,
    /// A success counts as an attempt.
    SuccessCountsAsAttempt,
    /// A full gate counts as an attempt.
    FullGateCountsAsAttempt,
    /// An attempt that was not heard counts again.
    UnheardAttemptCounts,
    /// An attempt counts for a millisecond longer.
    AttemptWindowLate,
    /// A device may try as often as its client.
    DeviceHasNoBudget,
    /// A client may try as often as it has devices.
    ClientHasNoBudget,
    /// Look-alikes differ.
    LookAlikesDiffer,
    /// Upper and lower case differ.
    CaseMatters,
    /// Dashes and spaces are part of a code.
    DashesMatter,
    /// Zeros at the beginning of a code do not count.
    LeadingZerosDropped,
    /// A token opens in every location.
    AnyLocation,
    /// A zone that has no location is everybody's.
    UnmappedZoneOpens,
    /// Calendar limits are judged by a clock that is not trusted.
    UntrustedClockJudges,
    /// `ValidFrom` is not looked at.
    ValidTooEarly,
    /// `ValidTo` still admits at its very millisecond.
    ValidToInclusive,
    /// A balance of zero is no limit.
    ZeroIsNoLimit,
    /// No `UserLimit` means no limit.
    NullMeansMany,
    /// A silent seat is reused a millisecond late.
    SeatSilenceLate,
    /// The oldest seat goes, and not the longest silent.
    OldestSeatGoes,
    /// A seat is taken over without being asked.
    TakeoverUnasked,
    /// A takeover needs no silence.
    TakeoverOfTheActive,
    /// A takeover needs a millisecond more of silence.
    TakeoverSilenceLate,
    /// Takeovers are not counted.
    TakeoversUnlimited,
    /// Takeovers of all tokens are counted together.
    TakeoversCountedTogether,
    /// Who is refused is not told when to try again.
    NoRetryAfter,
    /// A takeover counts for a millisecond longer.
    TakeoverWindowLate,
    /// A full gate takes one more.
    GateOverfull,
    /// The same code on the same device opens another session.
    RetryOpensAnother,
    /// The device's former session is recorded as ended by logout.
    SwitchIsLogout,
    /// The device's former session goes on beside the new one.
    SwitchKeepsBoth,
    /// A seat that is reused is recorded as if its guest had gone over to another code.
    DisplacedIsSwitched,
    /// A cap is recorded as silence.
    CapIsIdle,
    /// A deletion is recorded as an administrator's cut.
    RevokedIsDisconnected,
    /// A device that did not come back is recorded as silent.
    LostIsIdle,
    /// A refused session leaves a record.
    RefusalLeavesRecord,
    /// A refused redemption fixes the metering.
    RefusalFixesMetering,
    /// What a refused session had replaced stays replaced.
    RefusalRestoresNothing,
    /// The run that a refused session began goes on.
    RefusedRunStays,
    /// A refused takeover counts.
    RefusedTakeoverCounts,
    /// All seats together draw once.
    SeatsDrawOnce,
    /// What does not divide goes to the newest session.
    RestToTheNewest,
    /// What does not divide is not charged.
    RestIsLost,
    /// On elapsed time every seat draws.
    ElapsedDrawsForEach,
    /// Elapsed time stands still while nobody is connected.
    ElapsedNeedsConnection,
    /// Sessions on elapsed time are charged besides the run.
    ElapsedChargedTwice,
    /// A run is only paused when its balance is zero.
    RunSurvivesZero,
    /// Frames to the device count against its silence.
    DownlinkIsNoSilence,
    /// The last frame to the device is not charged.
    ChargedToUplinkOnly,
    /// Silence is charged whatever `bill_idle` says.
    SilenceCharged,
    /// Silence is not charged whatever `bill_idle` says.
    SilenceFree,
    /// Silence ends a session a millisecond late.
    IdleLate,
    /// Silence ends sessions on elapsed time.
    ElapsedIdles,
    /// No session is capped.
    NoSessionTimeout,
    /// A session is capped a millisecond late.
    CapLate,
    /// The gate does not know of the cap.
    CapNotInGate,
    /// What is due is booked when it is noticed.
    BookedWhenNoticed,
    /// At equal times the cap comes before silence.
    CapBeforeIdle,
    /// At equal times the calendar comes before the cap.
    ExpiredBeforeCap,
    /// At equal times the balance comes before the calendar.
    DepletedBeforeExpired,
    /// Balances are shown rounded down.
    MinutesRoundedDown,
    /// Sessions are not settled before an edit.
    EditsUnsettled,
    /// Fewer minutes change nothing.
    MinutesNeverLowered,
    /// More minutes do not fill the shortfall first.
    ShortfallForgiven,
    /// `MinutesLeft` is not honoured at creation.
    MinutesLeftIgnored,
    /// The balance is set without what was used.
    BalanceForgetsUsed,
    /// A change of minutes is not kept with its reason.
    AdjustmentNotKept,
    /// A lower `UserLimit` displaces the oldest sessions.
    LowerLimitDisplacesOldest,
    /// A lower `UserLimit` displaces nobody.
    LowerLimitDisplacesNobody,
    /// Sessions go on when `ValidTo` is moved before now.
    PastValidToGoesOn,
    /// Sessions go on when `ValidFrom` is moved into the future.
    FutureValidFromGoesOn,
    /// A run goes on when `ValidFrom` is moved into the future.
    FutureValidFromRuns,
    /// Deletion forgets the run.
    DeletionLosesRun,
    /// A deleted token can be redeemed until the round is over.
    DeletedInRoundReturns,
    /// Two tokens may be made with one code.
    CodeMadeTwice,
    /// A token may be given another's code.
    CodeTakenTwice,
    /// A former code still opens.
    FormerCodeOpens,
    /// The metering may change after the first redemption.
    MeteringMoves,
    /// Dates may be the wrong way round.
    DatesReversible,
    /// Deadlines do not follow the calendar when it is set.
    CalendarSetUnnoticed,
    /// Deadlines follow a calendar that nobody trusts.
    UntrustedCalendarMoves,
    /// A device that left the gate is charged nothing since its token changed last.
    AbsentNotCharged,
    /// A device is charged for the time it was out of the gate.
    AbsenceCharged,
    /// After a reboot everybody counts as silent.
    RebootIsSilence,
    /// Records go by the date of a clock that nobody trusts.
    UntrustedClockPrunes,
    /// Records go a minute early.
    RetentionEarly,
    /// Records never go.
    RetentionForgotten,
    /// A clock that nobody keeps in step moves the floor of the calendar.
    AnyClockMovesFloor,
    /// A reboot ends sessions.
    RebootEndsSessions,
    /// A cap begins anew with a reboot.
    RebootResetsCap,
    /// A calendar limit that passed while the gateway was off is seen when it is on.
    ExpiryWhileOffIsLate,
    /// Deadlines follow a calendar that nobody trusts after a reboot.
    RebootTrustsAnyCalendar,
    /// Without an interface sessions go on.
    LossParksNobody,
    /// A session that opens without an interface is charged at once.
    OpenedWhileLostRuns,
    /// The time for which a session was parked is charged.
    ParkedCharged,
    /// A parked session is silent.
    ParkedIdles,
    /// A session is parked a millisecond longer than it may.
    ParkedHourLate,
    /// The balance is no bound for parked devices.
    ParkedUnlimited,
    /// The deadline of parked devices comes while they are charged nothing.
    ParkedDeadlineStays,
    /// The deadline of parked devices is moved before it is time to.
    ParkedDeadlineAhead,
    /// A frame of the millisecond of a look at parked devices is not seen by the next.
    FrameAtLookMissed,
    /// Only frames from a parked device let it go on.
    DownlinkDoesNotWake,
    /// That a session goes on is forgotten with the daemon.
    WakeNotKept,
    /// Time for which the gateway was off does not count for runs.
    TimeOffIsFree,
    /// Time for which the gateway was off counts by any clock.
    TimeOffByAnyClock,
    /// Everything charged is durable after ten seconds only.
    CheckpointLate,
    /// A change does not move the instant up to which all is charged.
    ChangesWithoutCheckpoint,
    /// What the gate goes on counting over a restart is counted twice.
    HeardTwice,
    /// What went through before a reboot is forgotten.
    HeardForgotten,
    /// What went through is not written down.
    HeardNotWritten,
    /// A device that is blocked stays online.
    BlockedStaysOnline,
    /// A device on both lists passes.
    BypassWins,
    /// Entries end by a clock that nobody trusts.
    UntrustedClockEndsEntries,
    /// Entries never end.
    EntriesNeverEnd,
    /// The gate learns who is blocked after the commit.
    BlockedAfterCommit,
    /// The gate learns who passes without a code before the commit.
    BypassBeforeCommit,
    /// The lists are forgotten with the daemon.
    ListsForgotten,
    /// A device passes before the commit.
    AdmittedBeforeCommit,
    /// A device is stopped after the commit.
    StoppedAfterCommit,
    /// A deadline is lengthened before the commit.
    LengthenedBeforeCommit,
    /// A deadline is shortened after the commit.
    ShortenedAfterCommit,
}

#[cfg(feature = "mutants")]
thread_local! {
    static BROKEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Breaks one rule on this thread, or none.
#[cfg(feature = "mutants")]
pub fn break_rule(mutant: Option<Mutant>) {
    BROKEN.set(mutant);
}

/// Whether this rule is the broken one.
#[cfg(feature = "mutants")]
pub(crate) fn broken(mutant: Mutant) -> bool {
    BROKEN.get() == Some(mutant)
}

/// Nothing is broken.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn broken(_: Mutant) -> bool {
    false
}
