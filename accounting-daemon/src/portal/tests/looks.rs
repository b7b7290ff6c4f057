//! Languages and templates.

use super::*;

#[tokio::test]
async fn pages_speak_the_guests_language() {
    let place = Place::new();
    let get = |language: &str| {
        Request::get("/")
            .header("host", HOST)
            .header("accept-language", language)
    };
    let arabic = place.ask(1, get("ar-EG,en;q=0.5"), "").await;
    assert!(arabic.says("<html lang=\"ar\" dir=\"rtl\">"));
    assert_eq!(arabic.header("content-language"), "ar");
    assert!(
        place
            .ask(1, get("pt-BR"), "")
            .await
            .says("Escreva o código de acesso")
    );
    let chosen = place.get(1, "/login?lang=de&dst=http%3A%2F%2Fexample.org").await;
    assert!(chosen.says("Online gehen"));
    assert!(chosen.header("set-cookie").starts_with("language=de;"));
    assert!(chosen.says("/login?lang=fr&amp;dst=http%3A%2F%2Fexample.org"));
}

#[tokio::test]
async fn an_operator_has_templates_and_is_told_what_is_wrong_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("message.html");
    std::fs::write(&path, "<p>ours: {{ refusal.title }}, {{ t('minutes', n=1) }}</p>").unwrap();
    let place = Place::with(&format!("templates = {:?}", folder.path()));
    assert_eq!(
        place.get(1, "/x").await.body,
        "<p>ours: This page does not exist, 1 minute</p>"
    );
    let load = || {
        let text = format!(
            "data = \"/d\"\n[[interface]]\nname = \"g\"\n[portal]\ntemplates = {:?}",
            folder.path()
        );
        let config = Config::parse("test".as_ref(), &text, true).unwrap();
        Look::load(&config.portal).map(|_| ()).unwrap_err().to_string()
    };
    std::fs::write(&path, "{% if %}").unwrap();
    assert!(load().contains("message.html"), "{}", load());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("other.html"), "").unwrap();
    assert!(load().contains("is the template of no page"));
}
