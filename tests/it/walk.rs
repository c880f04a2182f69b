//! `docs/api.md` is walked: its blocks of shell run one after the other against the real binary, and print what stands under them.

use std::process::{Command, Stdio};

use crate::doubles::pictures;
use crate::harness::{Folder, OWNER, PASSWORD, Shop, bayader, is_there, skipped};

/// A block of shell, and lines that it must print.
struct Step {
    line: usize,
    code: String,
    prints: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut fence: Option<&str> = None;
    for (line, content) in text.lines().enumerate() {
        match (fence, content.strip_prefix("```")) {
            (Some(_), Some(_)) => fence = None,
            (None, Some(language)) => {
                fence = Some(language);
                if language == "sh" {
                    steps.push(Step { line: line + 2, code: String::new(), prints: Vec::new() });
                }
            }
            (Some("sh"), None) => {
                let step = steps.last_mut().expect("the fence made one");
                step.code.push_str(content);
                step.code.push('\n');
            }
            (Some("text"), None) => steps.last_mut().expect("text stands under shell").prints.push(content.to_owned()),
            _ => {}
        }
    }
    steps
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_the_api_works_as_it_is_written() {
    if !["bash", "curl", "jq"].into_iter().all(is_there) {
        skipped("the walk of docs/api.md", "bash, curl or jq is not there. Install them: apt-get install curl jq");
        return;
    }
    let folder = Folder::with_owner();
    let menu = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sample/menu.csv");
    let imported = bayader(&folder.data(), &["products", "import", menu]);
    assert!(imported.status.success(), "{imported:?}");
    let server = Shop::spawn(&folder).await;

    let picture = folder.path().join("baguette.jpg");
    std::fs::write(&picture, pictures::from_a_phone(6, 400, 300)).expect("a picture");

    let steps = steps(include_str!("../../docs/api.md"));
    assert!(steps.len() >= 20, "only {} steps", steps.len());
    let told = steps.iter().map(|step| format!("echo '--- {0}'\necho '--- {0}' >&2\n{1}", step.line, step.code));
    let script = format!("set -euo pipefail\n{}", told.collect::<String>());
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("SHOP", &server.wire.base)
        .env("OWNER_EMAIL", OWNER)
        .env("OWNER_PASSWORD", PASSWORD)
        .env("PICTURE", &picture)
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut missing = Vec::new();
    for step in &steps {
        let begin = format!("--- {}\n", step.line);
        let printed = told.split_once(&begin).map_or("", |(_, rest)| rest.split("\n--- ").next().unwrap_or(""));
        for wanted in step.prints.iter().filter(|wanted| !printed.contains(wanted.trim())) {
            missing.push(format!("docs/api.md:{}: {wanted:?} is not printed, but {printed:?}", step.line));
        }
    }
    assert!(output.status.success(), "a step failed: {}\n{told}\n{errors}", output.status);
    assert!(missing.is_empty(), "{}\n{errors}", missing.join("\n"));
    drop(server);
    folder.expect_healthy();
}
