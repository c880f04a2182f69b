//! What a device is called in the list of sessions: enough for its owner to know it again, and no more.

/// The longest name, in characters (the table holds it too).
const LONGEST: usize = 80;

/// Browsers by their mark in `User-Agent`. The order decides: most of them also claim to be those further down.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems by their mark, in an order for the same reason.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// `Firefox on Windows` for a browser; for anything else the name that it begins with, as `curl/8.5.0`. `None` if there is none.
#[must_use]
pub fn device_name(user_agent: &str) -> Option<String> {
    let found =
        |marks: &[(&str, &'static str)]| marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    if user_agent.starts_with("Mozilla/")
        && let Some(browser) = found(BROWSERS)
    {
        return Some(match found(SYSTEMS) {
            Some(system) => format!("{browser} on {system}"),
            None => browser.to_owned(),
        });
    }
    let first = user_agent.split_ascii_whitespace().next()?;
    let plain: String = first.chars().filter(|c| c.is_ascii_alphanumeric() || "._-/+".contains(*c)).take(LONGEST).collect();
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_with_their_system() {
        for (agent, name) in [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Windows"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Safari/537.36 Edg/126.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("Mozilla/5.0 (Nintendo) Firefox/1", "Firefox"),
        ] {
            assert_eq!(device_name(agent).as_deref(), Some(name), "{agent}");
        }
    }

    #[test]
    fn anything_else_is_cleaned_and_cut() {
        assert_eq!(device_name("curl/8.5.0").as_deref(), Some("curl/8.5.0"));
        assert_eq!(device_name("my-till/2 (+https://x)").as_deref(), Some("my-till/2"));
        assert_eq!(device_name("<b>\u{202e}x</b>\"'").as_deref(), Some("bx/b"));
        assert_eq!(device_name(&"a".repeat(5_000)).map(|name| name.len()), Some(LONGEST));
        for nothing in ["", "   ", "\u{fffd}", "<>"] {
            assert_eq!(device_name(nothing), None, "{nothing:?}");
        }
    }
}
