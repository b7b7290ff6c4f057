//! The bypass and the block list in the kernel's maps, at start and while sessions go on.

use accounting_daemon::gate::{FOREVER, Gate, GateError, Listed};
use accounting_ebpf::layout;

use crate::ground::{gateway, open};
use crate::maps::{Kernel, device, entry, fresh};

#[test]
fn the_lists_are_put_in_and_the_block_list_wins() {
    gateway(
        "the_lists_are_put_in_and_the_block_list_wins",
        "gate0",
        |ground| {
            let mut settings = ground.settings();
            drop({
                let mut gate = fresh(&settings);
                gate.set_deadline(1, FOREVER).unwrap();
                gate.open(&entry(1, 1)).unwrap();
                gate
            });
            settings.bypass = vec![device(1), device(2)];
            settings.block = vec![device(1)];
            let mut gate = open(&settings);
            let adoption = gate.adopt(&[(1, FOREVER)], &[entry(1, 1), entry(2, 1)]).unwrap();
            assert_eq!(adoption.missing, vec![device(1), device(2)]);
            gate.open(&entry(2, 1)).unwrap();
            let mut kernel = Kernel::open(&settings);
            assert_eq!(kernel.find(device(1)).unwrap().token, layout::TOKEN_BLOCKED);
            assert_eq!(kernel.deadline(device(1)), 0);
            assert_eq!(kernel.find(device(2)).unwrap().token, layout::TOKEN_BYPASS);
            assert_eq!(kernel.deadline(device(2)), layout::FOREVER);
            let error = gate.open(&entry(1, 1)).unwrap_err().to_string();
            assert!(error.contains("block list"), "{error}");

            kernel.pass(device(2), 70);
            assert_eq!(gate.close(device(2)).unwrap().unwrap().bytes_up, 70);
            gate.set_deadline(1, FOREVER).unwrap();
            gate.open(&entry(2, 1)).unwrap();
            assert_eq!(gate.traffic(device(2)).unwrap().bytes_up, 0);
            gate.close(device(2)).unwrap();
            assert_eq!(kernel.find(device(2)).unwrap().token, layout::TOKEN_BYPASS);

            drop(gate);
            settings.bypass.clear();
            let mut gate = open(&settings);
            assert_eq!(gate.adopt(&[], &[]).unwrap().strangers, 1);
            assert_eq!(kernel.find(device(2)), None);
        },
    );
}

#[test]
fn the_lists_change_while_sessions_go_on() {
    use Listed::{Blocked, Bypass};
    gateway("the_lists_change_while_sessions_go_on", "gate0", |ground| {
        let settings = ground.settings();
        let mut gate = fresh(&settings);
        gate.set_deadline(1, 1_000).unwrap();
        gate.open(&entry(1, 1)).unwrap();
        let mut kernel = Kernel::open(&settings);
        let token = |kernel: &Kernel, last| kernel.find(device(last)).map(|found| found.token);
        let session = kernel.find(device(1)).unwrap();
        kernel.pass(device(1), 70);

        // An open session is covered, counted on, and there again.
        for listed in [Blocked, Bypass, Blocked] {
            gate.list(device(1), Some(listed)).unwrap();
            let wanted = match listed {
                Blocked => layout::TOKEN_BLOCKED,
                Bypass => layout::TOKEN_BYPASS,
            };
            assert_eq!(token(&kernel, 1), Some(wanted));
            assert_eq!(kernel.find(device(1)).unwrap().slot, session.slot);
        }
        assert!(gate.open(&entry(1, 1)).is_err(), "opened on the block list");
        gate.list(device(1), None).unwrap();
        gate.open(&entry(1, 1)).unwrap();
        let session = kernel.find(device(1)).unwrap();
        kernel.pass(device(1), 70);
        gate.list(device(1), Some(Bypass)).unwrap();
        assert_eq!(gate.traffic(device(1)).unwrap().bytes_up, 70);
        gate.list(device(1), None).unwrap();
        assert_eq!(kernel.find(device(1)), Some(session));
        assert_eq!(gate.traffic(device(1)).unwrap().bytes_up, 70);

        // A session that opens or closes meanwhile.
        gate.list(device(2), Some(Bypass)).unwrap();
        gate.open(&entry(2, 1)).unwrap();
        assert_eq!(token(&kernel, 2), Some(layout::TOKEN_BYPASS));
        gate.list(device(2), None).unwrap();
        assert_eq!(kernel.find(device(2)).unwrap().session, entry(2, 1).session);
        gate.list(device(2), Some(Bypass)).unwrap();
        gate.close(device(2)).unwrap();
        assert_eq!(token(&kernel, 2), Some(layout::TOKEN_BYPASS));
        assert_eq!(gate.lists(), [(device(2), Bypass)]);
        gate.list(device(2), None).unwrap();
        assert_eq!(kernel.find(device(2)), None);
        assert_eq!(gate.lists(), []);

        // Slots are given back, and nobody is put on a list that is full.
        for last in 2..=16 {
            gate.list(device(last), Some(Blocked)).unwrap();
        }
        let error = gate.list(device(17), Some(Blocked)).unwrap_err();
        assert!(matches!(error, GateError::Full { capacity: 16 }), "{error}");
        assert_eq!(gate.lists().len(), 15);
        gate.list(device(16), None).unwrap();
        gate.list(device(17), Some(Blocked)).unwrap();

        // A restart knows only what it is told.
        drop(gate);
        let mut settings = settings;
        settings.block = vec![device(3)];
        let mut gate = open(&settings);
        assert_eq!(
            gate.adopt(&[(1, 1_000)], &[entry(1, 1)]).unwrap().kept,
            [device(1)]
        );
        assert_eq!(gate.lists(), [(device(3), Blocked)]);
        assert_eq!(
            (token(&kernel, 3), token(&kernel, 4)),
            (Some(layout::TOKEN_BLOCKED), None)
        );
    });
}
