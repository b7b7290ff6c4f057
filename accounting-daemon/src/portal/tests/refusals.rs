//! Every way to say no, and who is told to wait.

use super::*;

/// One row a condition of tokens.md: what is posted, the status, and words of the page.
#[tokio::test]
async fn each_refusal_says_what_to_do_next() {
    let place = Place::new();
    let now = place.bed.time.now().wall;
    place.token("EMPTY-00000", 0, 1).await;
    place.token("ONESEAT-111", 60, 1).await;
    place
        .make("LATER-11111", 60, 1, |new| {
            new.valid_from = Some(now + 86_400_000)
        })
        .await;
    place
        .make("OVER-111111", 60, 1, |new| new.valid_to = Some(now - 1))
        .await;
    assert_eq!(place.post(9, "/login", "code=oneseat111").await.status, 303);
    for (who, form, status, words) in [
        (1, "", 400, "The code is missing"),
        (1, "code=+-+", 400, "This is not an access code"),
        (1, "code=%00", 400, "This is not an access code"),
        (1, "code=NOSUCHCODE", 403, "We do not recognise this code"),
        (1, "code=later11111", 403, "It can be used from 20"),
        (1, "code=over111111", 403, "Ask for a new one."),
        (1, "code=empty00000", 403, "There are no minutes left on it."),
        (1, "code=oneseat111", 409, "It works on one device at a time."),
        (
            1,
            "code=oneseat111&takeover=1",
            409,
            "within the last half minute",
        ),
        (1, "code=a&code=b", 400, "That did not work"),
        (1, "code=%ff", 400, "That did not work"),
    ] {
        let got = place.post(who, "/login", form).await;
        assert_eq!(got.status.as_u16(), status, "{form}");
        assert!(got.says(words), "{form}: {}", got.body);
        assert_eq!(got.header("cache-control"), "no-store");
    }
    let offered = place.post(1, "/login", "code=oneseat111").await;
    assert!(offered.says("name=\"takeover\"") && offered.says("Use it on this device instead"));
    assert!(
        offered.says("type=\"text\" dir=\"ltr\" value=\"\""),
        "a code is shown"
    );
    assert!(!place.online(1).await);
}

#[tokio::test]
async fn who_guesses_is_told_to_wait_and_others_are_not() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    for nth in 0..10 {
        assert_eq!(
            place.post(1, "/login", &format!("code=WRONG{nth}")).await.status,
            403
        );
    }
    let got = place.post(1, "/login", "code=ABCDE12345").await;
    assert_eq!(got.status, 429);
    assert!(got.says("Too many attempts") && got.says("Please wait"));
    let seconds: u64 = got.header("retry-after").parse().unwrap();
    assert!((50..=60).contains(&seconds));
    assert_eq!(place.post(2, "/login", "code=ABCDE12345").await.status, 303);
}

/// "The global rate raises an alarm but refuses nobody, since the space is large."
#[tokio::test]
async fn devices_that_guess_together_cost_honest_guests_nothing() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let mut refused = 0;
    for number in 0..60u16 {
        let [high, low] = number.to_be_bytes();
        let guesser = Guest {
            device: DeviceId {
                mac: Mac([6, 0, 0, 0, high, low]),
                zone: 0,
            },
            address: [10, 78, high, low].into(),
            ..guest(1)
        };
        for nth in 0..12 {
            let code = format!("code=GUESS{number}N{nth}");
            let got = place.ask_as(&guesser, posting("/login"), &code).await;
            refused += usize::from(got.status == 429);
        }
    }
    assert!(refused >= 120, "{refused}");
    assert_eq!(place.post(2, "/login", "code=abcde12345").await.status, 303);
}

#[tokio::test]
async fn a_device_that_posts_like_a_machine_is_stopped_before_the_engine() {
    let place = Place::new();
    let mut heard = 0;
    for _ in 0..200 {
        heard += usize::from(place.post(1, "/logout", "").await.status == 200);
    }
    assert!((20..100).contains(&heard), "{heard}");
    assert_eq!(place.post(2, "/logout", "").await.status, 200);
}
