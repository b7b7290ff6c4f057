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

/// What validators of HTML look for: each section says what it is, and the dial needs nothing that came after SVG 1.1.
#[tokio::test]
async fn pages_are_valid() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let form = place.get(1, "/login").await;
    let refused = place.post(1, "/login", "code=WRONG").await;
    place.post(1, "/login", "code=abcde12345").await;
    let online = place.get(1, "/status").await;
    for page in [form, refused, online] {
        let tags = |opening: &str| -> Vec<String> {
            let opened = page.body.split(opening).skip(1);
            opened
                .filter_map(|rest| rest.split('>').next().map(str::to_owned))
                .collect()
        };
        let sections = tags("<section");
        assert_eq!(sections.len(), page.body.matches("</section>").count());
        assert!(!sections.is_empty() && sections.iter().all(|tag| tag.contains("aria-labelledby=")));
        assert!(tags("<circle").iter().all(|tag| !tag.contains("pathLength")));
    }
}
