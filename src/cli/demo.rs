//! A ready bakery to try things on: throw-away accounts, the sample menu, a few orders, all of it made through the same doors
//! that everybody uses.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::exit::{Failure, Outcome};
use super::local_http::{Answer, Client};
use super::output;
use crate::app::Opening;
use crate::app::control::{self, Request};
use crate::features::AppState;
use crate::security::random;

/// Random bytes of a password that is printed: 16 characters.
const PASSWORD_BYTES: usize = 12;

/// The demo's folder, removed when this is dropped.
pub fn folder() -> Outcome<TempDir> {
    tempfile::Builder::new().prefix("bayader-demo-").tempdir().map_err(|error| {
        Failure::because(format!(
            "no temporary folder can be made in {}: {error}. Name another place with the variable TMPDIR",
            std::env::temp_dir().display()
        ))
    })
}

struct Account {
    role: &'static str,
    name: &'static str,
    email: &'static str,
    phone: &'static str,
    password: String,
}

impl Account {
    fn new(role: &'static str, name: &'static str, email: &'static str, phone: &'static str) -> Account {
        let password = URL_SAFE_NO_PAD.encode(random::bytes::<PASSWORD_BYTES>());
        Account { role, name, email, phone, password }
    }
}

/// Fills the demo's shop, which already serves at `address`, and prints what one needs to know.
pub async fn fill(shop: &AppState, address: SocketAddr, outbox: &Path) -> Result<(), String> {
    let owner = Account::new("owner", "Omar Haddad", "owner@example.com", "+962790000001");
    let staff = Account::new("staff", "Salma Naser", "staff@example.com", "+962790000002");
    let customer = Account::new("customer", "Layla Khoury", "layla@example.com", "+962790000003");
    let products = open_shop(shop, &owner).await?;

    let client = Client::to(address);
    let as_owner = sign_in(&client, &owner).await?;
    register(&client, &staff, Some(&as_owner)).await?;
    register(&client, &customer, None).await?;
    let as_customer = sign_in(&client, &customer).await?;
    let orders = place_orders(&client, &as_customer).await?;

    let mut lines = vec![
        format!("A bakery to try things on, at http://{address}/api/v1 until this ends (Ctrl-C)."),
        format!("Its menu has {products} products: http://{address}/api/v1/products"),
        "Its accounts:".to_owned(),
    ];
    for account in [&owner, &staff, &customer] {
        lines.push(format!("  {:<9} {:<18} {}", account.role, account.email, account.password));
    }
    lines.push("Its orders:".to_owned());
    lines.extend(orders.iter().map(|order| format!("  {order}")));
    lines.extend(to_try(address, &baguette(&client).await?, outbox));
    output::line(lines.join("\n")).map_err(|_| "standard output cannot be written".to_owned())
}

/// What a newcomer may do next; each command can be copied as it stands.
fn to_try(address: SocketAddr, product: &str, outbox: &Path) -> Vec<String> {
    let api = format!("http://{address}/api/v1");
    vec![
        format!("Every address, to read and to try: {api}/docs"),
        "A search, spelt wrong:".to_owned(),
        format!("  curl '{api}/products?q=kunfa'"),
        "A cart, without an account:".to_owned(),
        format!(
            "  curl {api}/cart -H 'Content-Type: application/json' -d '{{\"items\":[{{\"productId\":\"{product}\",\"quantity\":2}}]}}'"
        ),
        format!("Its letters and text messages, such as what an order's customer is told: {}", outbox.display()),
    ]
}

/// A product without options.
async fn baguette(client: &Client) -> Result<String, String> {
    let path = "/api/v1/products?q=baguette&per_page=1";
    let found = expect(200, path, client.get(path).await?)?;
    found["data"][0]["id"].as_str().map(str::to_owned).ok_or_else(|| "the sample menu has no baguette".to_owned())
}

/// Makes the owner and brings the sample menu in, as set-up does; says how many products it has.
async fn open_shop(shop: &AppState, owner: &Account) -> Result<usize, String> {
    let opening = Opening {
        name: owner.name.to_owned(),
        email: owner.email.to_owned(),
        phone: Some(owner.phone.to_owned()),
        password: owner.password.clone(),
        sample: true,
        ..Opening::default()
    };
    match control::execute(shop, Request::OpenShop(opening), &|_| ()).await {
        control::Answer::ShopOpened { products, .. } => Ok(products),
        other => Err(format!("the shop was not opened: {other:?}")),
    }
}

async fn register(client: &Client, account: &Account, bearer: Option<&str>) -> Result<(), String> {
    let mut body = json!({
        "name": account.name, "email": account.email, "phone": account.phone, "password": account.password,
    });
    if account.role != "customer" {
        body["role"] = account.role.into();
    }
    expect(201, "/api/v1/auth/register", client.post("/api/v1/auth/register", bearer, &body).await?).map(drop)
}

async fn sign_in(client: &Client, account: &Account) -> Result<String, String> {
    let body = json!({ "email": account.email, "password": account.password });
    let answer = expect(200, "/api/v1/auth/login", client.post("/api/v1/auth/login", None, &body).await?)?;
    answer["token"].as_str().map(str::to_owned).ok_or_else(|| "signing in gave no token".to_owned())
}

/// Three orders: a guest's, and two of the customer.
async fn place_orders(client: &Client, as_customer: &str) -> Result<Vec<String>, String> {
    let path = "/api/v1/products?per_page=100";
    let menu = expect(200, path, client.get(path).await?)?;
    let none = Vec::new();
    let plain: Vec<&Value> = menu["data"]
        .as_array()
        .unwrap_or(&none)
        .iter()
        .filter(|product| product["inStock"] == json!(true) && !has_required_option(product))
        .filter_map(|product| product.get("id"))
        .collect();
    let line = |index: usize, quantity: u32| -> Option<Value> {
        let id = plain.get(index.checked_rem(plain.len())?)?;
        Some(json!({ "productId": id, "quantity": quantity }))
    };
    let items = |wanted: &[(usize, u32)]| -> Vec<Value> {
        wanted.iter().filter_map(|(index, quantity)| line(*index, *quantity)).collect()
    };
    let bodies = [
        (
            None,
            json!({
                "items": items(&[(0, 2), (3, 1)]), "paymentMethod": "cash", "isPickup": true,
                "customerInfo": { "name": "Yousef Saleh", "phone": "+962790000004" },
            }),
        ),
        (Some(as_customer), json!({ "items": items(&[(1, 4)]), "paymentMethod": "cash", "isPickup": true })),
        (
            Some(as_customer),
            json!({
                "items": items(&[(2, 1), (5, 2)]), "paymentMethod": "cash", "isPickup": false,
                "deliveryInfo": { "address": { "line1": "12 Rainbow Street", "city": "Amman" } },
            }),
        ),
    ];
    let mut told = Vec::new();
    for (bearer, body) in bodies {
        let answer = expect(201, "/api/v1/orders", client.post("/api/v1/orders", bearer, &body).await?)?;
        let text = |name: &str| answer[name].as_str().unwrap_or("?").to_owned();
        told.push(format!("{} {} {}", text("orderNumber"), text("totalAmount"), text("currency")));
    }
    Ok(told)
}

fn has_required_option(product: &Value) -> bool {
    product["optionGroups"].as_array().is_some_and(|groups| groups.iter().any(|group| group["required"] == json!(true)))
}

fn expect(status: u16, path: &str, answer: Answer) -> Result<Value, String> {
    if answer.status == status {
        return Ok(answer.json);
    }
    let path = path.split('?').next().unwrap_or(path);
    Err(format!("{path} answered {} {}", answer.status, answer.json))
}
