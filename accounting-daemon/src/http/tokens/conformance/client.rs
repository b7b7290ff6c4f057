//! A client in another language, over a real connection.

use std::{process::Command, sync::Arc};

use tokio::sync::oneshot;

use crate::http::{
    Listener, listen, serve,
    test_api::{ADMIN, TestApi},
};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients/records.py");

/// "a drop-in for Nexudus API clients": forms, HTTP Basic, and the answers as that API's documents have them.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_another_language_gets_what_it_expects() {
    let api = TestApi::new();
    let listeners = listen(&["127.0.0.1:0".parse().unwrap()], None).await.unwrap();
    let Some(Listener::Tcp(listener, _)) = listeners.first() else {
        panic!("no listener")
    };
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listeners, Arc::clone(&api.context), async {
        drop(stopped.await);
    }));
    let mut client = Command::new("python3");
    client
        .arg(CLIENT)
        .arg(format!("http://{address}"))
        .args([ADMIN, &api.password]);
    let output = tokio::task::spawn_blocking(move || client.output())
        .await
        .unwrap()
        .unwrap();
    let (said, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{failed}");
    assert_eq!(said.trim(), "every call was answered as documented");
    stop.send(()).unwrap();
    serving.await.unwrap();
}
