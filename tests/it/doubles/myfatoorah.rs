//! MyFatoorah as PROVIDERS 5 tells it. No published document exists, so each request is held against its table, field by field.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bayader::kernel::{Currency, Money};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::faults::{Fault, Script, json as answer, serve, with};

pub const TOKEN: &str = "mf-token-7d0c";
pub const SECRET: &str = "mf-webhook-secret";
pub const SEND: &str = "/v2/SendPayment";
pub const STATUS: &str = "/v2/GetPaymentStatus";
pub const REFUND: &str = "/v2/MakeRefund";

#[derive(Clone, Debug)]
struct Invoice {
    id: String,
    amount: Money,
    reference: String,
    expiry: String,
    status: &'static str,
    /// Status and payment id of each try.
    tries: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug)]
struct Refund {
    id: String,
    invoice: String,
    amount: Money,
    status: &'static str,
}

#[derive(Default, Debug)]
struct Books {
    script: Script,
    invoices: Vec<Invoice>,
    refunds: Vec<Refund>,
    messages: usize,
}

#[derive(Clone)]
struct Server {
    books: Arc<Mutex<Books>>,
    currency: Currency,
}

pub struct MyFatoorahDouble {
    server: Server,
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for MyFatoorahDouble {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no test panicked in it")
    }
}

impl MyFatoorahDouble {
    /// An account that is kept in this currency.
    pub async fn start(currency: &str) -> MyFatoorahDouble {
        let currency = Currency::from_code(currency).expect("a currency");
        let server = Server { books: Arc::default(), currency };
        let router = Router::new()
            .route(SEND, post(send_payment))
            .route(STATUS, post(payment_status))
            .route(REFUND, post(make_refund))
            .with_state(server.clone());
        let (address, task) = serve(router).await;
        MyFatoorahDouble { server, url: format!("http://{address}"), task }
    }

    pub fn next(&self, path: &'static str, faults: &[Fault]) {
        self.server.books().script.next(path, faults);
    }

    pub fn count(&self, path: &str) -> usize {
        self.server.books().script.count(path)
    }

    pub fn last(&self, path: &str) -> Value {
        self.server.books().script.last(path)
    }

    pub fn invoices(&self) -> usize {
        self.server.books().invoices.len()
    }

    /// Refunds that it was asked for, in minor units.
    pub fn refunded(&self) -> i64 {
        self.server.books().refunds.iter().map(|refund| refund.amount.minor()).sum()
    }

    /// Somebody tries to pay; the payment's id.
    pub fn try_to_pay(&self, invoice: &str, status: &'static str) -> String {
        let mut books = self.server.books();
        let invoice = books.invoices.iter_mut().find(|one| one.id == invoice).expect("an invoice");
        let payment = format!("0707{}{:08}", invoice.id, invoice.tries.len() + 1);
        invoice.tries.push((status, payment.clone()));
        if status == "Succss" {
            invoice.status = if invoice.status == "Paid" { "DuplicatePayment" } else { "Paid" };
        }
        payment
    }

    pub fn set_status(&self, invoice: &str, status: &'static str) {
        self.server.books().invoices.iter_mut().find(|one| one.id == invoice).expect("an invoice").status = status;
    }

    /// The staff there have decided; the message they send.
    pub fn decide_refund(&self, refund: &str, status: &'static str) -> (HeaderMap, String) {
        let mut books = self.server.books();
        let refund = books.refunds.iter_mut().find(|one| one.id == refund).expect("a refund");
        refund.status = status;
        let refund = refund.clone();
        let code = self.server.currency.code();
        let data = json!({
            "Refund": { "Id": refund.id, "Status": status, "Reference": "2026000019" },
            "Amount": { "BaseCurrency": code, "ValueInBaseCurrency": refund.amount.to_string() },
            "ReferencedInvoice": { "Id": refund.invoice },
        });
        let text = format!(
            "Refund.Id={},Refund.Status={status},Amount.ValueInBaseCurrency={},ReferencedInvoice.Id={}",
            refund.id, refund.amount, refund.invoice
        );
        books.message(2, "REFUND_STATUS_CHANGED", data, &text)
    }

    /// The message of an invoice's last try.
    pub fn payment_message(&self, invoice: &str) -> (HeaderMap, String) {
        let mut books = self.server.books();
        let invoice = books.invoices.iter().find(|one| one.id == invoice).expect("an invoice").clone();
        let (status, payment) = invoice.tries.last().expect("a try");
        let (status, of_invoice) = if *status == "Succss" { ("SUCCESS", "PAID") } else { ("FAILED", "PENDING") };
        let data = json!({
            "Invoice": { "Id": invoice.id, "Status": of_invoice, "ExternalIdentifier": invoice.reference },
            "Transaction": { "Status": status, "PaymentId": payment },
            "Amount": { "BaseCurrency": "KWD", "ValueInBaseCurrency": "0.001" },
        });
        let text = format!(
            "Invoice.Id={},Invoice.Status={of_invoice},Transaction.Status={status},Transaction.PaymentId={payment},\
             Invoice.ExternalIdentifier={}",
            invoice.id, invoice.reference
        );
        books.message(1, "PAYMENT_STATUS_CHANGED", data, &text)
    }

    /// What was sent there is what PROVIDERS knows.
    pub fn close(self) {
        let complaints = self.server.books().script.complaints.clone();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

impl Books {
    fn message(&mut self, code: i64, name: &str, data: Value, text: &str) -> (HeaderMap, String) {
        self.messages += 1;
        let event = json!({ "Code": code, "Name": name, "Reference": format!("WH-{}", self.messages) });
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), text.as_bytes());
        let mut headers = HeaderMap::new();
        let signature = HeaderValue::from_str(&STANDARD.encode(tag)).expect("Base64 is a header");
        headers.insert("MyFatoorah-Signature", signature);
        (headers, json!({ "Event": event, "Data": data }).to_string())
    }
}

fn refusal(status: StatusCode, name: &str, error: &str) -> Response {
    let faults = json!([{ "Name": name, "Error": error }]);
    answer(status, &json!({ "IsSuccess": false, "Message": "Invalid data", "ValidationErrors": faults, "Data": null }))
}

fn success(data: Value) -> Response {
    answer(StatusCode::OK, &json!({ "IsSuccess": true, "Message": "", "ValidationErrors": null, "Data": data }))
}

/// The body, if the key is right and nothing else goes wrong; what is to be answered otherwise.
fn enter(
    books: &mut Books,
    path: &'static str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Value, Option<Fault>), Box<Response>> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let fault = books.script.take(path, &body);
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return Err(Box::new(answer(StatusCode::UNAUTHORIZED, &json!({ "Message": "Authorization has been denied" }))));
    }
    let is_json = headers.get("content-type").is_some_and(|value| value == "application/json");
    books.script.check(is_json && body.is_object(), || format!("{path} takes JSON"));
    Ok((body, fault))
}

fn text<'b>(body: &'b Value, name: &str) -> &'b str {
    body[name].as_str().unwrap_or_default()
}

async fn send_payment(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    const FIELDS: &[&str] = &[
        "NotificationOption",
        "CustomerName",
        "InvoiceValue",
        "DisplayCurrencyIso",
        "CustomerReference",
        "CallBackUrl",
        "ErrorUrl",
        "Language",
        "ExpiryDate",
    ];
    let (body, fault, amount) = {
        let mut books = server.books();
        let (body, fault) = match enter(&mut books, SEND, &headers, &body) {
            Ok(entered) => entered,
            Err(answer) => return *answer,
        };
        let script = &mut books.script;
        script.check_fields(SEND, &body, FIELDS);
        script.check(body["NotificationOption"] == "LNK", || "NotificationOption is not LNK".to_owned());
        let name = text(&body, "CustomerName");
        let is_plain = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == ' ');
        script.check(is_plain, || format!("CustomerName {name:?}"));
        let value = body["InvoiceValue"].as_number().map(ToString::to_string).unwrap_or_default();
        let amount = server.currency.parse(&value).ok().filter(|amount| amount.to_string() == value);
        script.check(amount.is_some(), || format!("InvoiceValue {value}"));
        script.check(text(&body, "DisplayCurrencyIso") == server.currency.code(), || "DisplayCurrencyIso".to_owned());
        script.check(text(&body, "CustomerReference").len() == 36, || "CustomerReference".to_owned());
        let links = [text(&body, "CallBackUrl"), text(&body, "ErrorUrl")];
        script.check(links.iter().all(|link| link.starts_with("https://")), || format!("{links:?}"));
        script.check(["ar", "en"].contains(&text(&body, "Language")), || "Language".to_owned());
        let expiry = text(&body, "ExpiryDate");
        let is_moment = expiry.len() == 19 && expiry.parse::<jiff::civil::DateTime>().is_ok();
        script.check(is_moment, || format!("ExpiryDate {expiry}"));
        let Some(amount) = amount.filter(|_| is_plain) else {
            return refusal(StatusCode::BAD_REQUEST, "CustomerName", name);
        };
        (body, fault, amount)
    };
    let act = || {
        let mut books = server.books();
        let id = (6_389_661 + books.invoices.len() + 1).to_string();
        let invoice = Invoice {
            id: id.clone(),
            amount,
            reference: text(&body, "CustomerReference").to_owned(),
            expiry: text(&body, "ExpiryDate").to_owned(),
            status: "Pending",
            tries: Vec::new(),
        };
        books.invoices.push(invoice);
        let number: serde_json::Number = id.parse::<u64>().expect("a number").into();
        success(json!({
            "InvoiceId": number,
            "InvoiceURL": format!("https://demo.myfatoorah.com/En/ie/{id}-opens-it"),
            "CustomerReference": body["CustomerReference"],
            "UserDefinedField": null,
        }))
    };
    with(fault, act).await
}

async fn payment_status(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let (fault, told) = {
        let mut books = server.books();
        let (body, fault) = match enter(&mut books, STATUS, &headers, &body) {
            Ok(entered) => entered,
            Err(answer) => return *answer,
        };
        books.script.check_fields(STATUS, &body, &["Key", "KeyType"]);
        let key = text(&body, "Key");
        let found = match text(&body, "KeyType") {
            "InvoiceId" => books.invoices.iter().find(|invoice| invoice.id == key),
            "CustomerReference" => books.invoices.iter().find(|invoice| invoice.reference == key),
            "PaymentId" => books.invoices.iter().find(|invoice| invoice.tries.iter().any(|(_, payment)| payment == key)),
            _ => None,
        };
        let told = found.map_or_else(
            // 200, and a refusal all the same.
            || refusal(StatusCode::OK, "Key", "No data match the provided value"),
            |invoice| success(tell(invoice)),
        );
        (fault, told)
    };
    with(fault, || told).await
}

fn tell(invoice: &Invoice) -> Value {
    let (date, time) = invoice.expiry.split_once('T').expect("a date and a time");
    let tries = invoice.tries.iter().map(|(status, payment)| {
        let error = (*status == "Failed").then_some("Do not honour");
        json!({ "TransactionStatus": status, "PaymentId": payment, "Error": error, "CardNumber": "512345xxxxxx2346" })
    });
    // Answers drop zeros that say nothing.
    let value: serde_json::Number =
        serde_json::from_str(invoice.amount.to_string().trim_end_matches('0').trim_end_matches('.')).expect("a number");
    json!({
        "InvoiceId": invoice.id.parse::<u64>().expect("a number"),
        "InvoiceStatus": invoice.status,
        "InvoiceValue": value,
        "InvoiceDisplayValue": format!("{} {}", invoice.amount, invoice.amount.currency().code()),
        "CustomerReference": invoice.reference,
        "CustomerName": "Rania Haddad",
        "CustomerEmail": "rania@example.com",
        "ExpiryDate": date,
        "ExpiryTime": format!("{time}.000"),
        "InvoiceTransactions": tries.collect::<Vec<_>>(),
    })
}

async fn make_refund(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    const FIELDS: &[&str] =
        &["Key", "KeyType", "RefundChargeOnCustomer", "ServiceChargeOnCustomer", "Amount", "CurrencyIso", "Comment"];
    let (body, fault, invoice, amount) = {
        let mut books = server.books();
        let (body, fault) = match enter(&mut books, REFUND, &headers, &body) {
            Ok(entered) => entered,
            Err(answer) => return *answer,
        };
        let script = &mut books.script;
        script.check_fields(REFUND, &body, FIELDS);
        script.check(text(&body, "KeyType") == "PaymentId", || "KeyType".to_owned());
        script.check(body["RefundChargeOnCustomer"] == false && body["ServiceChargeOnCustomer"] == false, || {
            "charges".to_owned()
        });
        script.check(text(&body, "CurrencyIso") == server.currency.code(), || "CurrencyIso".to_owned());
        let value = body["Amount"].as_number().map(ToString::to_string).unwrap_or_default();
        let amount = server.currency.parse(&value).ok().filter(|amount| amount.to_string() == value);
        script.check(amount.is_some(), || format!("Amount {value}"));
        let key = text(&body, "Key");
        let is_paid = |invoice: &&Invoice| invoice.tries.iter().any(|(status, payment)| *status == "Succss" && payment == key);
        let (Some(invoice), Some(amount)) = (books.invoices.iter().find(is_paid).cloned(), amount) else {
            return refusal(StatusCode::BAD_REQUEST, "Key", "No paid invoice");
        };
        let back: i64 = books.refunds.iter().filter(|one| one.invoice == invoice.id).map(|one| one.amount.minor()).sum();
        if back + amount.minor() > invoice.amount.minor() {
            return refusal(StatusCode::OK, "Amount", "Refund amount exceeds the invoice");
        }
        (body, fault, invoice, amount)
    };
    let act = || {
        let mut books = server.books();
        let id = (2_840 + books.refunds.len()).to_string();
        books.refunds.push(Refund { id: id.clone(), invoice: invoice.id.clone(), amount, status: "PENDING" });
        success(json!({
            "Key": body["Key"],
            "RefundId": id.parse::<u64>().expect("a number"),
            "RefundReference": "2026000019",
            "Amount": body["Amount"],
            "Comment": body["Comment"],
        }))
    };
    with(fault, act).await
}
