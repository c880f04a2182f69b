//! Log lines for machines.

use serde_json::Value;

use crate::harness::{Folder, Shop};

#[tokio::test]
async fn each_line_for_a_machine_is_one_object_with_its_fields_and_nobodys_secrets() {
    let folder = Folder::with_owner();
    let variables = [("BAYADER_SERVER__LOG_FORMAT", "json"), ("BAYADER_SERVER__LOG", "debug")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut server = Shop::spawn_with(&folder, &[], &variables).await;
    let guest = server.guest();
    guest.log_in("layla@example.com", "not-her-password").send().await.expect(401);
    guest.get("/api/v1/products?q=secret-word").send().await;
    assert!(server.terminate().await.success());
    let log = server.log();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(lines.len() > 2, "{log}");
    for line in &lines {
        for field in ["timestamp", "level", "message", "target"] {
            assert!(line[field].is_string(), "no {field} in {line}");
        }
    }
    let started = lines.iter().find(|line| line["message"].as_str().is_some_and(|text| text.starts_with("listening on")));
    let started = started.expect("the start is told");
    assert_eq!(started["data_dir"].as_str(), folder.data().to_str(), "what belongs to it stands in fields: {started}");
    for secret in ["not-her-password", "secret-word", "layla@example.com"] {
        assert!(!log.contains(secret), "{secret} is logged");
    }
}
