//! What messages say: one file a message and language under `assets/mail`, its subject on the first line.

use crate::kernel::Locale;

/// A message that the shop sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Template {
    PasswordReset,
    Invite,
}

impl Template {
    pub const ALL: [Template; 2] = [Template::PasswordReset, Template::Invite];

    /// The word in logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Template::PasswordReset => "password_reset",
            Template::Invite => "invite",
        }
    }

    const fn text(self, locale: Locale) -> &'static str {
        match (self, locale) {
            (Template::PasswordReset, Locale::En) => include_str!("../../../assets/mail/password_reset.en.txt"),
            (Template::PasswordReset, Locale::Ar) => include_str!("../../../assets/mail/password_reset.ar.txt"),
            (Template::Invite, Locale::En) => include_str!("../../../assets/mail/invite.en.txt"),
            (Template::Invite, Locale::Ar) => include_str!("../../../assets/mail/invite.ar.txt"),
        }
    }

    /// Subject and body, each `{name}` replaced by its value. Values are put in once: what looks like a name in one stays.
    #[must_use]
    pub fn fill(self, locale: Locale, values: &[(&str, &str)]) -> (String, String) {
        let text = self.text(locale);
        let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
        (fill(subject.trim(), values), fill(body.trim_start(), values))
    }
}

fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let named = after.split_once('}').and_then(|(name, after)| {
            let value = values.iter().find(|(known, _)| *known == name)?.1;
            Some((value, after))
        });
        if let Some((value, after)) = named {
            filled.push_str(value);
            rest = after;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_says_whose_it_is_and_where_to_go_in_both_languages() {
        for template in Template::ALL {
            for locale in Locale::ALL {
                let values = [("shop", "{link}"), ("link", "https://shop.example/#token=x")];
                let (subject, body) = template.fill(locale, &values);
                assert!(!subject.is_empty() && subject.contains("{link}"), "{template:?} {locale:?}: {subject}");
                assert!(body.lines().any(|line| line == "https://shop.example/#token=x"), "{template:?} {locale:?}: {body}");
                assert!(!body.contains("{shop}") && body.ends_with('\n'), "{template:?} {locale:?}: {body}");
            }
        }
    }
}
