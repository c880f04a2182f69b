//! Keys whose value is one of a few words: each an enum that knows its words, so that the table of keys, the fault's
//! advice and the code cannot name different ones.

/// Make an enum out of the words that a key takes.
macro_rules! choice {
    ($(#[$about:meta])* $visibility:vis $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name { $($(#[$each])* $variant),+ }

        impl $name {
            /// The words, in the order of the enum.
            pub(super) const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl super::value::FromValue for $name {
            fn from_value(value: super::value::Value) -> Option<Self> {
                match value {
                    super::value::Value::Text(word) => match word.as_str() {
                        $($word => Some(Self::$variant),)+
                        _ => None,
                    },
                    _ => None,
                }
            }
        }
    };
}

choice! {
    /// How log lines are written.
    pub LogFormat {
        /// For a person at a terminal.
        Human = "human",
        /// One JSON object a line, for a machine.
        Json = "json",
    }
}

choice! {
    /// Who serves pictures.
    pub MediaServe {
        /// This process, from the data folder.
        Local = "local",
        /// The bucket, through presigned links.
        S3 = "s3",
    }
}

choice! {
    /// How the connection to a mail relay is protected.
    pub MailTls {
        /// In the clear until STARTTLS, which must succeed.
        StartTls = "starttls",
        /// TLS from the first byte.
        Implicit = "implicit",
        /// Not at all; to this very machine only.
        None = "none",
    }
}

choice! {
    /// The words of `mail.adapter`.
    pub(super) MailWord { Log = "log", Smtp = "smtp", SendGrid = "sendgrid" }
}

choice! {
    /// The words of `sms.adapter`.
    pub(super) SmsWord { Log = "log", Twilio = "twilio", Http = "http" }
}

choice! {
    /// The words of `tls.mode`.
    pub(super) TlsWord { Off = "off", Files = "files", Acme = "acme" }
}

/// The languages the product speaks.
pub(super) const LOCALES: &[&str] = &["en", "ar"];

/// The days of a week, in jiff's order from Monday.
pub(super) const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// MyFatoorah's countries; an account lives in one and is unknown elsewhere. `payments.rs` knows the host of each.
pub(super) const MYFATOORAH_COUNTRIES: &[&str] = &["KWT", "SAU", "ARE", "QAT", "BHR", "OMN", "JOR", "EGY"];
