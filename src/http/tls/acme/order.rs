//! One order at an authority, from the account to the certificate (RFC 8555 section 7).

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::Asked;
use super::authority::{Authority, Unreachable};
use super::fault::OrderFault;
use super::store::Store;
use crate::http::tls::shown::{Answering, Shown};

/// An authority looks at the shop within seconds; a busy one takes longer.
const POLL: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(250)).backoff(1.5).timeout(Duration::from_secs(120));

/// Gets a certificate: the chain and the key, both in PEM.
pub(super) async fn certificate(
    asked: &Asked,
    store: &Store,
    shown: &Arc<Shown>,
    authority: &Authority,
) -> Result<(String, String), OrderFault> {
    let account = account(asked, store, authority).await?;
    let names: Vec<Identifier> = asked.domains.iter().cloned().map(Identifier::Dns).collect();
    let mut order = match account.new_order(&NewOrder::new(&names)).await {
        // An authority that has lost its books gets a new account, once a try.
        Err(Error::Api(problem)) if kind_of(&problem) == "accountDoesNotExist" => {
            let account = new_account(asked, store, authority).await?;
            account.new_order(&NewOrder::new(&names)).await.map_err(fault)?
        }
        order => order.map_err(fault)?,
    };
    // Held until the authority has looked.
    let _answering = answer(&mut order, shown).await?;
    if order.poll_ready(&POLL).await.map_err(fault)? == OrderStatus::Invalid {
        return Err(why_invalid(&mut order).await);
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(ours)?;
    let mut params = CertificateParams::new(asked.domains.clone()).map_err(ours)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(ours)?;
    order.finalize_csr(request.der()).await.map_err(fault)?;
    let chain = order.poll_certificate(&POLL).await.map_err(fault)?;
    Ok((chain, key.serialize_pem()))
}

/// The account that is kept, or a new one.
async fn account(asked: &Asked, store: &Store, authority: &Authority) -> Result<Account, OrderFault> {
    match store.account(&asked.directory_url) {
        Some(credentials) => {
            Account::builder_with_http(Box::new(authority.clone())).from_credentials(credentials).await.map_err(fault)
        }
        None => new_account(asked, store, authority).await,
    }
}

async fn new_account(asked: &Asked, store: &Store, authority: &Authority) -> Result<Account, OrderFault> {
    let contact = format!("mailto:{}", asked.email);
    let wanted = NewAccount { contact: &[&contact], terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_http(Box::new(authority.clone()));
    let (account, credentials) = builder.create(&wanted, asked.directory_url.clone(), None).await.map_err(fault)?;
    store.keep_account(&asked.directory_url, &credentials).map_err(OrderFault::Disk)?;
    tracing::info!("an account was made at {}; `tls.mode = \"acme\"` agrees to its terms of service", asked.directory_url);
    Ok(account)
}

/// Answers what the authority wants to see under each name, and tells it to look.
async fn answer(order: &mut Order, shown: &Arc<Shown>) -> Result<Vec<Answering>, OrderFault> {
    let mut answering = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(fault)?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let mut challenge = authorization.challenge(ChallengeType::TlsAlpn01).ok_or_else(|| OrderFault::Refused {
            kind: "unsupportedIdentifier".to_owned(),
            words: "it does not look at a shop by tls-alpn-01".to_owned(),
            wish_s: None,
        })?;
        let name = challenge.identifier().to_string().to_ascii_lowercase();
        let certificate = challenge_certificate(&name, challenge.key_authorization().digest().as_ref())?;
        answering.push(shown.answer(name, certificate));
        challenge.set_ready().await.map_err(fault)?;
    }
    Ok(answering)
}

/// The certificate that says "this name is ours" (RFC 8737 section 3).
fn challenge_certificate(name: &str, digest: &[u8]) -> Result<CertifiedKey, OrderFault> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(ours)?;
    let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(ours)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(ours)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private).map_err(ours)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}

/// What the authority saw when it looked.
async fn why_invalid(order: &mut Order) -> OrderFault {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            return refused(problem);
        }
    }
    OrderFault::Refused { kind: "unauthorized".to_owned(), words: "the order was refused".to_owned(), wish_s: None }
}

/// What our own cryptography cannot do.
fn ours(error: impl std::fmt::Display) -> OrderFault {
    OrderFault::Refused { kind: "malformed".to_owned(), words: error.to_string(), wish_s: None }
}

fn kind_of(problem: &Problem) -> &str {
    problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()).unwrap_or("")
}

fn refused(problem: &Problem) -> OrderFault {
    let mut words: Vec<String> = problem.detail.clone().into_iter().collect();
    words.extend(problem.subproblems.iter().filter_map(|sub| sub.detail.clone()));
    let words = if words.is_empty() { kind_of(problem).to_owned() } else { words.join("; ") };
    OrderFault::Refused { kind: kind_of(problem).to_owned(), words: words.trim_end_matches('.').to_owned(), wish_s: None }
}

fn fault(error: Error) -> OrderFault {
    match &error {
        Error::Api(problem) => match kind_of(problem) {
            // What passes by itself.
            "badNonce" | "serverInternal" => OrderFault::Silent(problem.to_string()),
            _ => refused(problem),
        },
        Error::Other(inner) if inner.is::<Unreachable>() => OrderFault::Silent(inner.to_string()),
        error => {
            let source = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
            OrderFault::Silent(format!("{error}{source}"))
        }
    }
}
