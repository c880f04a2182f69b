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
    /// What it means and what to do, for the page of codes.
    pub told_en: &'static str,
    pub told_ar: &'static str,
    /// Names of the facts that may stand beside the code, as `currentVersion`.
    pub facts: &'static [&'static str],
}

impl ProblemKind {
    #[must_use]
    pub const fn title(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.title_en,
            Locale::Ar => self.title_ar,
        }
    }

    /// What it means and what to do.
    #[must_use]
    pub const fn told(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.told_en,
            Locale::Ar => self.told_ar,
        }
    }
}

/// Declares a feature's problem kinds and `ALL`, the list from which the page of codes and its tests are made. A kind is its status,
/// code and titles, then what it means and what to do in both languages, then the facts beside it:
/// `STALE = 412 "stale" "title" "العنوان" { "What to do." "ما العمل." } [currentVersion];`
#[macro_export]
macro_rules! problem_kinds {
    ($($name:ident = $status:literal $code:literal $en:literal $ar:literal $({ $told_en:literal $told_ar:literal })? $([$($fact:ident),+])?;)+) => {
        $(pub static $name: $crate::kernel::ProblemKind = $crate::kernel::ProblemKind {
            status: $status,
            code: $code,
            title_en: $en,
            title_ar: $ar,
            told_en: concat!($($told_en)?),
            told_ar: concat!($($told_ar)?),
            facts: &[$($(stringify!($fact)),+)?],
        };)+
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
        BAD_JSON = 400 "bad_json" "The body is not JSON" "المحتوى ليس JSON صالحًا"
            { "The body could not be read as JSON; the detail names line and column. Mend the body and send it again." "تعذّرت قراءة المحتوى بصيغة JSON، والتفصيل يذكر السطر والعمود. صحّح المحتوى ثم أعد الإرسال." };
        BAD_REQUEST = 400 "bad_request" "The request is malformed" "الطلب غير صحيح"
            { "The body ended before its announced length, or did not come in time. Send the request again." "انتهى المحتوى قبل الطول المعلن، أو لم يصل في وقته. أعد إرسال الطلب." };
        BAD_SIGNATURE = 400 "bad_signature" "This was not signed by whom it comes from" "هذه الرسالة لا تحمل توقيع مرسلها"
            { "Nothing was kept: the message bears no signature of a gateway or carrier of this shop, or it was changed on its way. If a provider's own messages are refused so, copy its webhook secret into the shop's configuration again." "لم يُحفظ شيء لأن الرسالة لا تحمل توقيع مزوّد معروف لهذا المتجر أو تغيّرت في الطريق. إن رُفضت رسائل المزوّد نفسه فانسخ المفتاح السري لإشعاراتها (webhook) إلى إعدادات المتجر من جديد." };
        UNAUTHENTICATED = 401 "unauthenticated" "Sign in first" "سجّل الدخول أولًا"
            { "No credential came, or one that does not count. Sign in at /api/v1/auth/login and send the token as Authorization: Bearer." "لم تصل بيانات دخول، أو وصلت بيانات غير صالحة. سجّل الدخول عبر /api/v1/auth/login وأرسل الرمز في Authorization: Bearer." };
        FORBIDDEN = 403 "forbidden" "Your role may not do this" "صلاحيتك لا تسمح بذلك"
            { "The account is known, but its role may not do this. Ask somebody whose role may; the detail names it." "الحساب معروف، لكن صلاحيته لا تشمل هذا الإجراء. اطلبه ممّن يملك الصلاحية المذكورة في التفصيل." };
        CSRF_REFUSED = 403 "csrf_refused" "The session cookie needs its CSRF token" "جلسة المتصفح تحتاج إلى رمز الحماية الخاص بها"
            { "A request that changes something with the session's cookie needs X-CSRF-Token and must come from the shop's own page. Read csrfToken at GET /api/v1/auth/me." "كل طلب يغيّر شيئًا باستخدام ملف تعريف الجلسة يحتاج إلى الترويسة X-CSRF-Token ويجب أن يأتي من صفحات المتجر نفسه. اقرأ csrfToken من GET /api/v1/auth/me." };
        HTTPS_REQUIRED = 403 "https_required" "Use HTTPS" "استخدم اتصال HTTPS الآمن"
            { "Passwords and tokens are taken over HTTPS only, or from the shop's own network. Use the https:// address." "لا تُقبل كلمات المرور والرموز إلا عبر HTTPS أو من شبكة المتجر نفسه. استخدم العنوان الذي يبدأ بـ https://." };
        NOT_FOUND = 404 "not_found" "There is no such thing here" "لا يوجد شيء بهذا العنوان"
            { "Nothing is at this address, or it is not yours to see; both are told alike. Check the address and who you are signed in as." "لا يوجد شيء بهذا العنوان، أو أنه لا يخصّك، والجواب في الحالتين واحد. تحقّق من العنوان ومن الحساب المستخدم." } [rows];
        METHOD_NOT_ALLOWED = 405 "method_not_allowed" "This address does not take that method" "هذا العنوان لا يقبل هذه الطريقة"
            { "The address exists, but not with this method. The Allow header lists those it takes." "العنوان موجود لكنه لا يقبل هذه الطريقة. ترويسة Allow تذكر الطرق المقبولة." };
        VERSION_CONFLICT = 409 "version_conflict" "It has changed meanwhile" "تغيّر العنصر في هذه الأثناء"
            { "The version in your body is not the current one: somebody else changed it. Nothing was written. Read it again, then repeat." "الإصدار المرسل ليس الحالي لأن أحدًا غيّر العنصر. لم يُحفظ شيء. اقرأه من جديد ثم أعد المحاولة." } [currentVersion, rows];
        STALE = 412 "stale" "It has changed meanwhile" "تغيّر العنصر في هذه الأثناء"
            { "If-Match names a version that is not the current one. Nothing was written. Read it again and send the new ETag." "ترويسة If-Match تحمل إصدارًا غير الحالي. لم يُحفظ شيء. اقرأ العنصر من جديد وأرسل قيمة ETag الجديدة." } [currentVersion];
        BODY_TOO_LARGE = 413 "body_too_large" "The body is too large" "المحتوى أكبر من المسموح"
            { "A JSON body may have at most 1 MiB, a gateway's message 256 KiB; of pictures the detail says how much. Send less, or in parts." "الحد الأقصى لمحتوى JSON هو ميغابايت واحد، ولرسالة بوابة الدفع 256 كيلوبايت؛ وللصور حدّ يذكره التفصيل. أرسل محتوى أصغر أو على دفعات." };
        URI_TOO_LONG = 414 "uri_too_long" "The address is too long" "العنوان أطول من المسموح"
            { "The address with its query is longer than is read. Send less in the query." "العنوان مع معاملاته أطول مما يُقرأ. أرسل معاملات أقل." };
        UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "Content of another type is wanted" "المطلوب محتوى من نوع آخر"
            { "This address takes another Content-Type: application/json, or multipart/form-data where pictures are sent; the detail names it. Set it and send the request again." "يقبل هذا العنوان نوعًا آخر في Content-Type: application/json، أو multipart/form-data حيث تُرسل الصور؛ والتفصيل يذكره. أضف الترويسة ثم أعد الإرسال." };
        VALIDATION_FAILED = 422 "validation_failed" "Some fields are not as they should be" "بعض الحقول غير صحيحة"
            { "Nothing was changed. errors names every field at fault by path, with a code and what is wanted; mend them all and send it again." "لم يتغيّر شيء. تذكر errors كل حقل فيه خطأ مع رمزه والمطلوب. صحّحها كلها ثم أعد الإرسال." } [earliest];
        CARD_DATA_REFUSED = 422 "card_data_refused" "Card numbers are not taken here" "لا تُقبل أرقام البطاقات هنا"
            { "The body holds what looks like a card number; nothing of it was kept. Cards are paid on the payment provider's own page. Take the number out." "يحتوي الطلب على ما يشبه رقم بطاقة، ولم يُحفظ منه شيء. الدفع بالبطاقة يتم في صفحة مزوّد الدفع. احذف الرقم." };
        USE_CURSOR = 422 "use_cursor" "Page further with the cursor" "تابع التصفح بالمؤشر"
            { "Page numbers reach entry 10,000. Go on with cursor, the nextCursor of the page before." "تصل أرقام الصفحات إلى العنصر رقم 10,000. تابع بإرسال cursor وقيمته nextCursor من الصفحة السابقة." };
        IDEMPOTENCY_KEY_REUSED = 422 "idempotency_key_reused" "This key belongs to another request" "هذا المفتاح مستخدم لطلب آخر"
            { "This Idempotency-Key came with another body within the last 24 hours. Take a new key for a new request." "استُخدم مفتاح Idempotency-Key هذا مع محتوى آخر خلال آخر 24 ساعة. استخدم مفتاحًا جديدًا لكل طلب جديد." };
        HEADERS_TOO_LARGE = 431 "headers_too_large" "The headers are too large" "ترويسات الطلب أكبر من المسموح"
            { "The request's head is larger than is read, or has too many headers. Send fewer and shorter ones; clearing cookies may help." "ترويسات الطلب أكبر أو أكثر مما يُقرأ. أرسل ترويسات أقل وأقصر؛ وقد يفيد مسح ملفات تعريف الارتباط." };
        RATE_LIMITED = 429 "rate_limited" "Too many requests in a short time" "طلبات كثيرة في وقت قصير"
            { "Nothing was done. Wait as long as Retry-After says; RateLimit tells what is left before it comes to this." "لم يُنفَّذ شيء. انتظر المدة المذكورة في Retry-After؛ وتُبيّن RateLimit ما تبقّى قبل بلوغ الحد." };
        INTERNAL = 500 "internal" "Something broke on our side" "حدث خلل لدينا"
            { "Nothing you sent is at fault. If it happens again, give the shop's keeper the requestId: the log tells more under it." "ما أرسلته سليم. إن تكرّر الخلل فأعطِ المسؤول عن النظام قيمة requestId ليجد التفاصيل في السجل." };
        BUSY = 503 "busy" "Too much at once" "الضغط كبير الآن"
            { "Nothing was done. Wait as long as Retry-After says, then send the same request again, with the same Idempotency-Key if it has one." "لم يُنفّذ شيء. انتظر المدة المذكورة في Retry-After ثم أعد الطلب نفسه، وبمفتاح Idempotency-Key نفسه إن وُجد." };
        OUTCOME_UNKNOWN = 503 "outcome_unknown" "It is not known whether this was kept" "لا يُعرف إن كان الطلب قد حُفظ"
            { "The disk failed while it was written. Send the same request with the same Idempotency-Key: it happens once. Without a key, look first." "حدث خلل في القرص أثناء الحفظ. أعد الطلب نفسه بمفتاح Idempotency-Key نفسه فلا يتكرر تنفيذه. ومن غير مفتاح تحقّق أولًا." };
        STORAGE_UNAVAILABLE = 503 "storage_unavailable" "The shop's disk does not take writes" "قرص المتجر لا يقبل الكتابة"
            { "Nothing was kept: the disk is full or failing. The shop's keeper must make room; then send the request again." "لم يُحفظ شيء لأن القرص ممتلئ أو معطّل. على المسؤول عن النظام توفير مساحة، ثم أعد إرسال الطلب." };
        SETUP_REQUIRED = 503 "setup_required" "The shop is not set up yet" "المتجر غير مُعدّ بعد"
            { "Nobody owns this shop yet, so nothing but set-up and health answers. Open /setup in a browser with the code that bayader admin setup-code prints on its machine, or run bayader admin create there." "لا يوجد مالك لهذا المتجر بعد، ولذلك لا يجيب إلا التجهيز وفحص السلامة. افتح الصفحة /setup في المتصفح بالرمز الذي يطبعه الأمر bayader admin setup-code على جهاز المتجر، أو نفّذ هناك الأمر bayader admin create." };
    }
}
