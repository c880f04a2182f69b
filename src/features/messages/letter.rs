//! One message to one person.

use uuid::Uuid;

use crate::kernel::{Email, UtcMs};

/// A message as it leaves.
pub struct Letter {
    /// Newer letters have greater ids. A letter that is sent again has the id of its first try.
    pub id: Uuid,
    /// What it is about, as `password_reset`.
    pub kind: &'static str,
    pub to: Email,
    pub at: UtcMs,
    pub subject: String,
    /// Plain text.
    pub body: String,
}

impl Letter {
    /// As a mail program opens it: headers, an empty line, the text (RFC 5322, with the UTF-8 of RFC 6532).
    #[must_use]
    pub fn to_eml(&self) -> String {
        let date = self.at.timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000");
        format!(
            "To: {}\r\nSubject: {}\r\nDate: {date}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{}",
            one_line(self.to.as_str()),
            one_line(&self.subject),
            self.body.replace('\n', "\r\n"),
        )
    }
}

/// A header ends with its line: what is put into one must not begin another.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_grows_out_of_another() {
        let letter = Letter {
            id: Uuid::from_u128(7),
            kind: "password_reset",
            to: Email::parse("layla@example.com").expect("an address"),
            at: UtcMs::from_ms(1_795_593_600_000),
            subject: "كلمة مرور جديدة\r\nBcc: everybody@example.com".to_owned(),
            body: "One\nTwo\n".to_owned(),
        };
        let eml = letter.to_eml();
        let (head, body) = eml.split_once("\r\n\r\n").expect("a head and a body");
        let lines: Vec<&str> = head.split("\r\n").collect();
        assert_eq!(
            &lines[..3],
            [
                "To: layla@example.com",
                "Subject: كلمة مرور جديدة  Bcc: everybody@example.com",
                "Date: Wed, 25 Nov 2026 08:00:00 +0000",
            ]
        );
        assert_eq!(lines.len(), 6);
        assert_eq!(body, "One\r\nTwo\r\n");
    }
}
