//! An e-mail as it travels (RFC 5322, 2045, 2047): ASCII from its first byte to its last, whatever language it speaks.
//!
//! What always holds: one recipient a message, and nothing that is said in it can begin a header of its own. Its Message-ID is made of
//! the notification's id, so that a message which is sent again is one and the same to a mailbox.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use super::carrier::Outgoing;
use super::{CarrierFault, Kind};
use crate::config::{self, Mail};
use crate::kernel::UtcMs;

/// Carries the notification's id where a provider puts a Message-ID of its own in the place of ours, as Amazon SES does.
const OUR_ID: HeaderName = HeaderName::new_from_ascii_str("X-Bayader-Notification");
/// RFC 3834: no out-of-office reply comes back to it.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const CONTENT_LANGUAGE: HeaderName = HeaderName::new_from_ascii_str("Content-Language");
/// RFC 8058: one POST ends such messages.
const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LIST_UNSUBSCRIBE_POST: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");
/// What stands in the header [`LIST_UNSUBSCRIBE_POST`] and in the POST.
pub(super) const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// Why a message cannot be written as an e-mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Unwritable {
    /// Nothing can be sent there.
    #[error("it is no address that mail can be sent to")]
    Address,
    #[error("it could not be put into the form of an e-mail")]
    Form,
}

/// Who sends, as each message says.
pub(super) struct Sender {
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl Sender {
    /// The sender of the configuration.
    ///
    /// # Errors
    /// [`CarrierFault::Carrier`] if its address cannot stand in an e-mail.
    pub(super) fn of(mail: &Mail) -> Result<Sender, CarrierFault> {
        let read = |key: &str, mailbox: &config::Mailbox| {
            let address = address(&mailbox.address).map_err(|_| CarrierFault::Carrier {
                carrier: "[mail]",
                reason: format!("`mail.{key}` is no address that mail can be sent from"),
            })?;
            Ok(Mailbox::new(mailbox.name.as_deref().map(one_line), address))
        };
        let reply_to = mail.reply_to.as_ref().map(|mailbox| read("reply_to", mailbox)).transpose()?;
        Ok(Sender { from: read("from", &mail.from)?, reply_to })
    }

    /// A message with its envelope.
    ///
    /// # Errors
    /// [`Unwritable`].
    pub(super) fn message(&self, outgoing: &Outgoing) -> Result<Message, Unwritable> {
        let to = Mailbox::new(None, address(&outgoing.to)?);
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(one_line(outgoing.subject.as_deref().unwrap_or_default()))
            .date(UNIX_EPOCH + since_epoch(outgoing.tried_at))
            .message_id(Some(format!("<{}@{}>", outgoing.id, self.from.email.domain())))
            .raw_header(HeaderValue::new(OUR_ID, outgoing.id.to_string()))
            .raw_header(HeaderValue::new(CONTENT_LANGUAGE, outgoing.locale.code().to_owned()));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        // What a person has written may be answered by whatever the other's mailbox answers.
        if outgoing.kind != Kind::Message {
            message = message.raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()));
        }
        if let Some(url) = &outgoing.unsubscribe_url {
            message = message
                .raw_header(HeaderValue::new(LIST_UNSUBSCRIBE, format!("<{}>", one_line(url))))
                .raw_header(HeaderValue::new(LIST_UNSUBSCRIBE_POST, ONE_CLICK.to_owned()));
        }
        let text = outgoing.text.clone();
        let written = match &outgoing.html {
            Some(html) => message.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            None => message.singlepart(SinglePart::plain(text)),
        };
        written.map_err(|_| Unwritable::Form)
    }

    /// A message as a file that a mail program opens (`.eml`).
    ///
    /// # Errors
    /// [`Unwritable`].
    pub(super) fn file(&self, outgoing: &Outgoing) -> Result<Vec<u8>, Unwritable> {
        Ok(self.message(outgoing)?.formatted())
    }
}

/// An address with its domain in ASCII (RFC 5891), so that it asks nothing special of a relay.
pub(super) fn address(text: &str) -> Result<Address, Unwritable> {
    let (local, domain) = text.rsplit_once('@').ok_or(Unwritable::Address)?;
    let domain = match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii,
        // A bare number is no mail domain.
        Ok(url::Host::Ipv4(_) | url::Host::Ipv6(_)) | Err(_) => return Err(Unwritable::Address),
    };
    Address::new(local, domain).map_err(|_| Unwritable::Address)
}

fn since_epoch(moment: UtcMs) -> Duration {
    Duration::from_millis(u64::try_from(moment.ms()).unwrap_or(0))
}

/// A header ends with its line: what is put into one must not begin another.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use mail_parser::{HeaderValue as Parsed, MessageParser};

    use super::*;
    use crate::config::{MailAdapter, Mailbox as Configured};
    use crate::features::messages::Channel;
    use crate::kernel::{Locale, NotificationId};

    fn sender() -> Sender {
        let mailbox = |name: &str, address: &str| Configured { name: Some(name.to_owned()), address: address.to_owned() };
        Sender::of(&Mail {
            adapter: MailAdapter::Log,
            from: mailbox("مخبز البيادر, Amman", "orders@shop.example"),
            reply_to: Some(mailbox("Layla", "layla@shop.example")),
            max_per_second: 10,
        })
        .expect("a sender")
    }

    fn outgoing() -> Outgoing {
        Outgoing {
            id: NotificationId::from_uuid(uuid::Uuid::from_u128(7)),
            kind: Kind::OrderReady,
            channel: Channel::Email,
            to: "layla@example.com".to_owned(),
            locale: Locale::Ar,
            subject: Some("طلبك جاهز للاستلام من المخبز، رقم الطلب ١٢٣٤ \u{1f950}".to_owned()),
            text: format!("مرحبا ليلى\nطلبك جاهز.\n.\n{}\n", "كعك ".repeat(300)),
            html: Some("<p dir=\"rtl\">مرحبا <b>ليلى</b></p>".to_owned()),
            unsubscribe_url: None,
            made_at: UtcMs::from_ms(1_795_593_600_000),
            tried_at: UtcMs::from_ms(1_795_593_600_000),
            others: Vec::new(),
        }
    }

    #[test]
    fn arabic_comes_back_as_it_went() {
        let bytes = sender().file(&outgoing()).expect("a message");
        assert!(bytes.is_ascii(), "no relay is asked for more than every relay can");
        assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
        let message = MessageParser::default().parse(&bytes).expect("it parses");
        assert_eq!(message.subject(), outgoing().subject.as_deref());
        let from = message.from().and_then(|from| from.first()).expect("a sender");
        assert_eq!((from.name(), from.address()), (Some("مخبز البيادر, Amman"), Some("orders@shop.example")));
        assert_eq!(message.reply_to().and_then(|to| to.first()).and_then(|to| to.address()), Some("layla@shop.example"));
        assert_eq!(message.to().and_then(|to| to.first()).and_then(|to| to.address()), Some("layla@example.com"));
        assert_eq!(message.message_id(), Some("00000000-0000-0000-0000-000000000007@shop.example"));
        assert_eq!(message.date().map(mail_parser::DateTime::to_timestamp), Some(1_795_593_600));
        let text = message.body_text(0).expect("a text").replace("\r\n", "\n");
        assert_eq!(text, outgoing().text);
        assert_eq!(message.body_html(0).expect("html").trim_end(), outgoing().html.expect("html"));
        let header = |name| match message.header(name) {
            Some(Parsed::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        assert_eq!(header("X-Bayader-Notification").as_deref(), Some("00000000-0000-0000-0000-000000000007"));
        assert_eq!(header("Auto-Submitted").as_deref(), Some("auto-generated"));
        assert!(message.header("List-Unsubscribe").is_none());
    }

    #[test]
    fn no_header_grows_out_of_another() {
        let evil = "Hello\r\nBcc: everybody@example.com\r\n\r\nanother body";
        let out = Outgoing {
            subject: Some(evil.to_owned()),
            unsubscribe_url: Some(format!("https://shop.example/u/1\r\n{evil}")),
            ..outgoing()
        };
        let bytes = sender().file(&out).expect("a message");
        let message = MessageParser::default().parse(&bytes).expect("it parses");
        assert!(message.bcc().is_none());
        assert_eq!(message.subject(), Some("Hello  Bcc: everybody@example.com    another body"));
        let text = message.body_text(0).expect("a text");
        assert!(text.starts_with("مرحبا"));
        for to in
            ["layla@example.com\r\nBcc: x@example.com", "a b@example.com", "<layla@example.com>", "layla", "@", "a@[1.2.3.4]"]
        {
            assert_eq!(sender().file(&Outgoing { to: to.to_owned(), ..outgoing() }), Err(Unwritable::Address), "{to}");
        }
    }

    #[test]
    fn a_promotion_shows_its_way_out_and_a_persons_words_may_be_answered() {
        let url = "https://shop.example/u/TOKEN".to_owned();
        let out = Outgoing { kind: Kind::Promotion, unsubscribe_url: Some(url), ..outgoing() };
        let text = String::from_utf8(sender().file(&out).expect("a message")).expect("ascii");
        assert!(text.contains("\r\nList-Unsubscribe: <https://shop.example/u/TOKEN>\r\n"), "{text}");
        assert!(text.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
        let out = Outgoing { kind: Kind::Message, html: None, ..outgoing() };
        let text = String::from_utf8(sender().file(&out).expect("a message")).expect("ascii");
        assert!(!text.contains("Auto-Submitted"));
        assert!(text.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    }

    #[test]
    fn a_domain_of_any_script_is_written_in_ascii() {
        let found = address("layla@مثال.إختبار").expect("an address");
        assert_eq!(found.to_string(), "layla@xn--mgbh0fb.xn--kgbechtv");
    }
}
