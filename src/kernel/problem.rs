//! What goes wrong: a refusal the caller can mend, or a fault of ours (SPEC 2, RFC 9457).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Locale;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One kind of problem: what a client's program may branch on, and its title in both languages.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// HTTP status.
    pub status: u16,
    /// Stable, `snake_case`.
    pub code: &'static str,
    pub title_en: &'static str,
    pub title_ar: &'static str,
}

impl ProblemKind {
    #[must_use]
    pub const fn title(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.title_en,
            Locale::Ar => self.title_ar,
        }
    }
}

/// Declares a feature's problem kinds and `ALL`, the list from which the page of codes and its tests are made.
#[macro_export]
macro_rules! problem_kinds {
    ($($name:ident = $status:literal $code:literal $en:literal $ar:literal;)+) => {
        $(pub static $name: $crate::kernel::ProblemKind =
            $crate::kernel::ProblemKind { status: $status, code: $code, title_en: $en, title_ar: $ar };)+
        /// Every kind declared here.
        pub static ALL: &[&$crate::kernel::ProblemKind] = &[$(&$name),+];
    };
}

/// One fault of one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldFault {
    /// Path in the body or query, as in `items[0].options.flavors`.
    pub field: String,
    /// Stable, `snake_case`.
    pub code: &'static str,
    /// What is wrong and what is wanted.
    pub message: String,
}

/// A refusal: told in full to the caller, changes nothing.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    pub kind: &'static ProblemKind,
    /// What happened here, and what to do.
    pub detail: Cow<'static, str>,
    /// Facts beside the code, as in `currentVersion`.
    pub facts: Map<String, Value>,
    /// Field faults of a 422.
    pub errors: Vec<FieldFault>,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    #[must_use]
    pub fn of(kind: &'static ProblemKind) -> Problem {
        Problem { kind, detail: Cow::Borrowed(kind.title_en), facts: Map::new(), errors: Vec::new(), retry_after_s: None }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn retry_after_s(mut self, seconds: u32) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }

    /// A 422 about one field.
    #[must_use]
    pub fn field(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::fields(vec![FieldFault { field: field.into(), code, message: message.into() }])
    }

    /// A 422 about fields.
    #[must_use]
    pub fn fields(errors: Vec<FieldFault>) -> Problem {
        let mut problem = Problem::of(&kinds::VALIDATION_FAILED);
        problem.detail = match errors.as_slice() {
            [one] if one.field.is_empty() => one.message.clone().into(),
            [one] => format!("{}: {}", one.field, one.message).into(),
            many => format!("{} fields are not as they should be; see errors.", many.len()).into(),
        };
        problem.errors = errors;
        problem
    }
}

/// A fault of ours: logged once with its chain, told as 500 without a word of the inside.
#[derive(Debug)]
pub struct Fault {
    source: anyhow::Error,
}

impl Fault {
    #[must_use]
    pub fn new(source: impl Into<anyhow::Error>) -> Fault {
        Fault { source: source.into() }
    }

    /// A fault that is described by a sentence: an invariant that did not hold.
    #[must_use]
    pub fn because(sentence: impl std::fmt::Display + std::fmt::Debug + Send + Sync + 'static) -> Fault {
        Fault { source: anyhow::Error::msg(sentence) }
    }

    /// The cause, if it is of that type.
    #[must_use]
    pub fn downcast_ref<E: std::fmt::Display + std::fmt::Debug + Send + Sync + 'static>(&self) -> Option<&E> {
        self.source.downcast_ref()
    }

    /// The chain of causes, for the log.
    #[must_use]
    pub fn chain(&self) -> String {
        format!("{:#}", self.source)
    }
}

/// Whatever keeps a request or a command from its answer.
#[derive(Debug)]
pub enum Error {
    Refused(Box<Problem>),
    Fault(Fault),
}

impl Error {
    /// The stable code, if it is a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Error::Refused(problem) => Some(problem.kind.code),
            Error::Fault(_) => None,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::Refused(Box::new(problem))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Fault(fault)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Refused(problem) => {
                write!(f, "{}", problem.detail)?;
                for error in problem.errors.iter().filter(|_| problem.errors.len() > 1) {
                    write!(f, "\n  {}: {}", error.field, error.message)?;
                }
                Ok(())
            }
            Error::Fault(fault) => f.write_str(&fault.chain()),
        }
    }
}

impl std::error::Error for Error {}

/// The kinds that belong to no feature: what the wire, the writer and the gate say.
pub mod kinds {
    problem_kinds! {
        BAD_JSON = 400 "bad_json" "The body is not JSON" "المحتوى ليس JSON صالحًا";
        BAD_REQUEST = 400 "bad_request" "The request is malformed" "الطلب غير صحيح";
        UNAUTHENTICATED = 401 "unauthenticated" "Sign in first" "سجّل الدخول أولًا";
        FORBIDDEN = 403 "forbidden" "Your role may not do this" "صلاحيتك لا تسمح بذلك";
        CSRF_REFUSED = 403 "csrf_refused" "The session cookie needs its CSRF token" "جلسة المتصفح تحتاج إلى رمز الحماية الخاص بها";
        HTTPS_REQUIRED = 403 "https_required" "Use HTTPS" "استخدم اتصال HTTPS الآمن";
        NOT_FOUND = 404 "not_found" "There is no such thing here" "لا يوجد شيء بهذا العنوان";
        METHOD_NOT_ALLOWED = 405 "method_not_allowed" "This address does not take that method" "هذا العنوان لا يقبل هذه الطريقة";
        VERSION_CONFLICT = 409 "version_conflict" "It has changed meanwhile" "تغيّر العنصر في هذه الأثناء";
        STALE = 412 "stale" "It has changed meanwhile" "تغيّر العنصر في هذه الأثناء";
        BODY_TOO_LARGE = 413 "body_too_large" "The body is too large" "المحتوى أكبر من المسموح";
        UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "Send JSON" "أرسل المحتوى بصيغة JSON";
        VALIDATION_FAILED = 422 "validation_failed" "Some fields are not as they should be" "بعض الحقول غير صحيحة";
        CARD_DATA_REFUSED = 422 "card_data_refused" "Card numbers are not taken here" "لا تُقبل أرقام البطاقات هنا";
        USE_CURSOR = 422 "use_cursor" "Page further with the cursor" "تابع التصفح بالمؤشر";
        IDEMPOTENCY_KEY_REUSED = 422 "idempotency_key_reused" "This key belongs to another request" "هذا المفتاح مستخدم لطلب آخر";
        RATE_LIMITED = 429 "rate_limited" "Too many requests in a short time" "طلبات كثيرة في وقت قصير";
        INTERNAL = 500 "internal" "Something broke on our side" "حدث خلل لدينا";
        BUSY = 503 "busy" "Too much at once" "الضغط كبير الآن";
        OUTCOME_UNKNOWN = 503 "outcome_unknown" "It is not known whether this was kept" "لا يُعرف إن كان الطلب قد حُفظ";
        STORAGE_UNAVAILABLE = 503 "storage_unavailable" "The shop's disk does not take writes" "قرص المتجر لا يقبل الكتابة";
        SETUP_REQUIRED = 503 "setup_required" "The shop is not set up yet" "المتجر غير مُعدّ بعد";
    }
}
