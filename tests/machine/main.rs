//! The shop on a machine of its own: a Debian under a real systemd, where install.sh is run as people run it. One story, told in its
//! order, because each part stands on the one before; it needs root and `tests/peers/systemd_box.sh build`.

mod load;
mod machine;
#[expect(dead_code, reason = "this story has no peer in Python's venv")]
#[path = "../it/harness/peers.rs"]
mod peers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use load::Load;
use machine::{Machine, told, until};
use serde_json::{Value, json};

const STORY: &str = "a_shop_on_a_machine_of_its_own";
const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const OWNER: &str = "owner@example.com";
const PASSWORD: &str = "saffron-and-rose-water";
/// Where install.sh leaves how far an upgrade has come.
const UPGRADE: &str = "/usr/local/lib/bayader/state/upgrade";
/// The README's promise for a machine that has nothing but a backup.
const PROMISED_S: u64 = 180;

/// A program that is the shop's in everything but serving the shop itself, which it does as it is told here.
fn unfit_to_serve(instead: &str) -> String {
    format!(
        "#!/bin/sh\ncase \" $* \" in *\" serve \"*\"--data-dir /var/lib/bayader \"*) {instead} ;; esac\nexec /opt/real \"$@\"\n"
    )
}

#[test]
fn a_shop_on_a_machine_of_its_own() {
    if let Some(why) = machine::lacking() {
        return peers::skipped(STORY, &why);
    }
    let mut story = Story::begin();

    story.part("install.sh on a bare Debian");
    let mut machine = Machine::boot();
    bring(&machine);
    let said = machine.ok("cd /root/bayader && ./install.sh --binary /root/program 2>&1");
    let code = three_last_lines(&said);
    nothing_has_failed(&machine);
    assert_eq!(machine.expect(200, "GET", "/readyz", None, None)["status"], "setup");

    story.part("the first order");
    let mut shop = OpenShop::set_up(&machine, &code);
    shop.order(&machine);
    nobody_is_root(&machine);

    story.part("a stopped server is started again by the watchdog");
    // Sooner than the unit's half minute, so that the story is not long.
    let drop_in = "mkdir -p /run/systemd/system/bayader.service.d && cd /run/systemd/system/bayader.service.d && \
                   printf '[Service]\\nWatchdogSec=2\\n' > soon.conf && systemctl daemon-reload && systemctl restart bayader";
    machine.ok(drop_in);
    let stopped = machine.ok("systemctl show -p MainPID --value bayader");
    machine.ok(&format!("kill -STOP {}", stopped.trim()));
    until("another server in its place", || {
        let state = machine.ok("systemctl show -p MainPID -p ActiveState -p NRestarts --value bayader");
        let lines: Vec<&str> = state.lines().collect();
        (lines.contains(&"active") && !lines.contains(&stopped.trim()) && lines.contains(&"1")).then_some(())
    });
    assert!(machine.ok("journalctl -u bayader -o cat").contains("Watchdog timeout"), "{}", machine.journal());
    machine.ok("rm -r /run/systemd/system/bayader.service.d && systemctl daemon-reload && systemctl restart bayader");
    shop.is_whole(&machine);

    story.part("the timer backs up a shop whose server is down");
    machine.ok("systemctl stop bayader.socket bayader.service");
    machine.ok("mkdir -p /run/systemd/system/bayader-backup.timer.d && cd /run/systemd/system/bayader-backup.timer.d && \
         printf '[Timer]\\nOnCalendar=\\nOnActiveSec=1\\nAccuracySec=100ms\\nRandomizedDelaySec=0\\n' > soon.conf && \
         systemctl daemon-reload && systemctl restart bayader-backup.timer");
    let archives = || machine.ok("ls /var/lib/bayader/backups | grep '^bayader-.*tar.zst$' || true");
    until("a backup by the timer", || (!archives().trim().is_empty()).then_some(()));
    until("its end", || (machine.ok("systemctl is-active bayader-backup.service || true").trim() == "inactive").then_some(()));
    machine.ok("rm -r /run/systemd/system/bayader-backup.timer.d && systemctl daemon-reload");
    machine.ok("systemctl restart bayader-backup.timer && systemctl start bayader.socket bayader.service");
    nothing_has_failed(&machine);

    story.part("a second shop for trying things");
    machine.ok("printf '[server]\\nlisten = \"127.0.0.1:8081\"\\n' > /etc/bayader/trial.toml && systemctl start bayader@trial");
    machine.ok("curl -sf http://127.0.0.1:8081/readyz | grep -q setup && systemctl stop bayader@trial");
    shop.is_whole(&machine);

    story.part("an upgrade under load: nobody is refused");
    next_program(&machine, "program-2");
    let before = served_by(&machine);
    let load = Load::start(&machine, &shop.product);
    load.has_asked_for_a_while(&machine);
    let upgraded = machine.run("cd /root/bayader && ./install.sh --binary /root/program-2 2>&1");
    assert!(upgraded.status.success(), "{}{}", told(&upgraded), machine.journal());
    let seen = load.end();
    println!("{}", seen.summary);
    assert_eq!((seen.refused, seen.cut, seen.failed), (0, 0, 0), "{:?}\n{}", seen.troubles, machine.journal());
    assert!(seen.orders.len() > 50 && seen.kept > 50, "hardly anybody was there: {}", seen.summary);
    shop.orders.extend(seen.orders);
    assert_ne!(served_by(&machine), before);
    assert_eq!(runs(&machine, "program-2"), Ok(()));
    shop.is_whole(&machine);
    nothing_has_failed(&machine);

    story.part("a program that is no shop is not let in");
    machine.ok("printf '#!/bin/sh\\necho bayader 9.9.9\\n[ \"$1\" = --version ]\\n' > /root/broken && chmod +x /root/broken");
    let refused = machine.run("cd /root/bayader && ./install.sh --binary /root/broken 2>&1");
    assert!(!refused.status.success(), "{}", told(&refused));
    assert!(told(&refused).contains("nothing was changed"), "{}", told(&refused));
    assert_eq!(runs(&machine, "program-2"), Ok(()));
    shop.is_whole(&machine);

    story.part("a server that is never well is taken back by itself, and nobody is refused");
    write_program(&machine, "/root/dies", &unfit_to_serve("exit 1"));
    let load = Load::start(&machine, &shop.product);
    load.has_asked_for_a_while(&machine);
    let undone = machine.run("cd /root/bayader && BAYADER_PATIENCE=60 ./install.sh --binary /root/dies 2>&1");
    let seen = load.end();
    println!("{}", seen.summary);
    assert!(!undone.status.success() && told(&undone).contains("undone"), "{}{}", told(&undone), machine.journal());
    assert_eq!((seen.refused, seen.cut, seen.failed), (0, 0, 0), "{:?}\n{}", seen.troubles, machine.journal());
    shop.orders.extend(seen.orders);
    assert_eq!(runs(&machine, "program-2"), Ok(()));
    shop.is_whole(&machine);
    nothing_has_failed(&machine);

    story.part("the power fails while a bad upgrade waits to be judged");
    write_program(&machine, "/root/hangs", &unfit_to_serve("exec sleep infinity"));
    // The judge after the power cut has little patience, so that the story is not long.
    machine.ok(
        "mkdir -p /etc/systemd/system/bayader-judge.service.d && \
         printf '[Service]\\nEnvironment=BAYADER_PATIENCE=3\\n' > /etc/systemd/system/bayader-judge.service.d/soon.conf && sync",
    );
    cut_in_upgrade(&mut machine, "/root/hangs", |phase| phase == "started");
    assert_eq!(runs(&machine, "program-2"), Ok(()));
    shop.is_whole(&machine);
    nothing_has_failed(&machine);

    story.part("the power fails in the middle of a good upgrade");
    next_program(&machine, "program-3");
    cut_in_upgrade(&mut machine, "/root/program-3", |phase| matches!(phase, "swap" | "swapping" | "started"));
    assert!(runs(&machine, "program-2").is_ok() || runs(&machine, "program-3").is_ok(), "neither the old nor the new program");
    shop.is_whole(&machine);
    machine.ok("cd /root/bayader && ./install.sh --binary /root/program-3 2>&1");
    assert_eq!(runs(&machine, "program-3"), Ok(()));
    shop.is_whole(&machine);
    nothing_has_failed(&machine);

    story.part("taken away, and installed again: the shop is still there");
    machine.ok("cd /root/bayader && ./install.sh --uninstall 2>&1");
    assert_eq!(machine.ask("GET", "/healthz", None, None).0, 0);
    assert_eq!(machine.ok("systemctl list-unit-files 'bayader*' --no-legend || true").trim(), "");
    nothing_has_failed(&machine);
    let said = machine.ok("cd /root/bayader && ./install.sh --binary /root/program-3 2>&1");
    assert!(said.contains("the shop has an owner"), "{said}");
    shop.is_whole(&machine);

    story.part("an empty machine, and a backup");
    machine.ok("bayader backup create --data-dir /var/lib/bayader --config /etc/bayader/bayader.toml");
    let newest = machine.ok("ls -t /var/lib/bayader/backups/bayader-*.tar.zst | head -n 1");
    let other = Machine::boot();
    bring(&other);
    // Where the shop's user can read it: root's own folder is shut to it.
    fs::copy(machine.path(newest.trim()), other.path("/opt/shop.tar.zst")).expect("the backup is brought");
    drop(machine);
    let began = Instant::now();
    other.ok("cd /root/bayader && ./install.sh --binary /root/program 2>&1");
    other.ok(UNLIMITED);
    other.ok("systemctl stop bayader.socket bayader-metrics.socket bayader.service");
    other.ok("install -o bayader -g bayader -m 600 /opt/shop.tar.zst /var/lib/bayader/backups/shop.tar.zst");
    let restore = "bayader restore /var/lib/bayader/backups/shop.tar.zst --yes --data-dir /var/lib/bayader";
    other.ok(&format!("{restore} --config /etc/bayader/bayader.toml 2>&1"));
    other.ok("systemctl start bayader.socket bayader-metrics.socket bayader.service");
    let took = began.elapsed().as_secs();
    shop.sign_in(&other);
    shop.is_whole(&other);
    shop.order(&other);
    nothing_has_failed(&other);
    println!("from a bare machine and a backup to a shop that sells: {took} s, of {PROMISED_S} promised");
    story.end();
}

/// Guests come from one address here.
const UNLIMITED: &str = "printf '\\n[rate_limit]\\nenabled = false\\n' >> /etc/bayader/bayader.toml";

/// Says where the story is and how long each part took.
struct Story {
    began: Instant,
}

impl Story {
    fn begin() -> Story {
        Story { began: Instant::now() }
    }

    fn part(&mut self, what: &str) {
        println!("[{:>4} s] {what}", self.began.elapsed().as_secs());
    }

    fn end(self) {
        println!("[{:>4} s] the end", self.began.elapsed().as_secs());
    }
}

/// The folder that people get, and the program.
fn bring(machine: &Machine) {
    let folder = machine.path("/root/bayader");
    fs::create_dir_all(folder.join("systemd")).expect("a folder");
    fs::copy(Path::new(REPOSITORY).join("install.sh"), folder.join("install.sh")).expect("install.sh");
    for unit in fs::read_dir(Path::new(REPOSITORY).join("systemd")).expect("the units") {
        let unit = unit.expect("a unit");
        fs::copy(unit.path(), folder.join("systemd").join(unit.file_name())).expect("a unit");
    }
    let program = machine.path("/root/program");
    fs::copy(env!("CARGO_BIN_EXE_bayader"), &program).expect("the program");
    // What a debugger wants is most of it. Without binutils it stays as it is.
    let _ = Command::new("strip").arg(&program).status();
}

/// A program that differs from the first one and does the same.
fn next_program(machine: &Machine, name: &str) {
    machine.ok(&format!("cp /root/program /root/{name} && echo {name} >> /root/{name}"));
}

/// A program that is a script; what it does not do itself it leaves to the real one.
fn write_program(machine: &Machine, path: &str, script: &str) {
    let real = machine.path("/opt/real");
    if !real.exists() {
        // Where the server sees it; its unit hides /root.
        machine.ok("install -m 755 /root/program /opt/real");
    }
    let path = machine.path(path);
    fs::write(&path, script).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
}

/// Whether the installed program is that one.
fn runs(machine: &Machine, name: &str) -> Result<(), String> {
    let output = machine.run(&format!("cmp /usr/local/bin/bayader /root/{name}"));
    if output.status.success() { Ok(()) } else { Err(told(&output)) }
}

fn served_by(machine: &Machine) -> String {
    machine.ok("systemctl show -p MainPID --value bayader")
}

/// Address, code and backups are the last three lines; the code.
fn three_last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.trim_end().lines().rev().take(3).collect();
    let [backups, code, address] = lines[..] else { panic!("{said}") };
    assert!(address.starts_with("Address: http://") && address.ends_with("/setup"), "{said}");
    assert!(backups.contains("/var/lib/bayader/backups"), "{said}");
    let code = code.strip_prefix("Code:").and_then(|code| code.split_whitespace().next());
    code.unwrap_or_else(|| panic!("no code: {said}")).to_owned()
}

fn nothing_has_failed(machine: &Machine) {
    until("the machine has nothing to do", || (machine.ok("systemctl list-jobs --no-legend").trim().is_empty()).then_some(()));
    assert_eq!(machine.ok("systemctl list-units --failed --no-legend --plain").trim(), "", "{}", machine.journal());
    assert_eq!(machine.ok("systemctl is-system-running || true").trim(), "running");
}

fn nobody_is_root(machine: &Machine) {
    let status = machine.ok("cat /proc/$(systemctl show -p MainPID --value bayader)/status");
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default();
    assert!(!of("Uid:").split_whitespace().any(|id| id == "0"), "{status}");
    for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(of(capabilities).trim_start_matches('0'), "", "{capabilities} {status}");
    }
    assert_eq!(of("NoNewPrivs:"), "1");
}

/// Pulls the plug once an upgrade to this program has come so far, boots again, and waits until somebody has ended the upgrade.
fn cut_in_upgrade(machine: &mut Machine, program: &str, now: impl Fn(&str) -> bool) {
    let state = machine.path(UPGRADE);
    let mut upgrade = machine
        .command(&format!("cd /root/bayader && ./install.sh --binary {program} > /root/upgrade.log 2>&1"))
        .spawn()
        .expect("it starts");
    let phase = until("the upgrade comes so far", || {
        let told = fs::read_to_string(&state).unwrap_or_default();
        let phase = told.lines().find_map(|line| line.strip_prefix("phase=")).map(str::to_owned);
        let ended = upgrade.try_wait().expect("a child can be asked");
        assert!(ended.is_none(), "it ended: {}", fs::read_to_string(machine.path("/root/upgrade.log")).unwrap_or_default());
        phase.filter(|phase| now(phase))
    });
    machine.cut_power();
    let _ = upgrade.wait();
    println!("         cut in phase {phase}");
    machine.power_on();
    let since = Instant::now();
    until("the upgrade has been ended", || (!machine.path(UPGRADE).exists()).then_some(()));
    until("the shop answers", || (machine.ask("GET", "/healthz", None, None).0 == 200).then_some(()));
    println!("         put right {} s after the boot", since.elapsed().as_secs());
    // Its judge tells of an undone upgrade by failing; that has been heard.
    machine.ok("systemctl reset-failed bayader-judge.service || true");
}

/// The shop as its owner sees it, and every order that it acknowledged.
struct OpenShop {
    token: String,
    product: String,
    orders: Vec<String>,
}

impl OpenShop {
    fn set_up(machine: &Machine, code: &str) -> OpenShop {
        let body = json!({
            "code": code, "shopName": "El-Bayader Bakery", "locale": "en", "timeZone": "Asia/Amman", "currency": "JOD",
            "ownerEmail": OWNER, "password": PASSWORD, "sample": true,
        });
        machine.expect(201, "POST", "/api/v1/setup", None, Some(&body));
        machine.ok(&format!("{UNLIMITED} && systemctl restart bayader"));
        let mut shop = OpenShop { token: String::new(), product: String::new(), orders: Vec::new() };
        shop.sign_in(machine);
        let category = json!({ "slug": "plenty", "name": "Plenty" });
        machine.expect(201, "POST", "/api/v1/categories", Some(&shop.token), Some(&category));
        let product = json!({ "name": "Bread without end", "price": "1.000", "category": "plenty", "stock": 1_000_000 });
        let product = machine.expect(201, "POST", "/api/v1/products", Some(&shop.token), Some(&product));
        product["id"].as_str().expect("an id").clone_into(&mut shop.product);
        shop
    }

    fn sign_in(&mut self, machine: &Machine) {
        let body = json!({ "email": OWNER, "password": PASSWORD });
        let session = machine.expect(200, "POST", "/api/v1/auth/login", None, Some(&body));
        session["token"].as_str().expect("a token").clone_into(&mut self.token);
    }

    /// A guest orders.
    fn order(&mut self, machine: &Machine) {
        let body = json!({
            "items": [{ "productId": self.product, "quantity": 2 }], "isPickup": true, "paymentMethod": "cash",
            "customerInfo": { "name": "Huda", "phone": format!("+96279{:07}", 9_000_000 + self.orders.len()) },
        });
        let order = machine.expect(201, "POST", "/api/v1/orders", None, Some(&body));
        self.orders.push(order["orderId"].as_str().expect("an id").to_owned());
    }

    /// Every acknowledged order is there and the books balance.
    fn is_whole(&self, machine: &Machine) {
        let database = machine.path("/var/lib/bayader/bayader.db");
        let books = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).expect("books");
        let mut statement = books.prepare("select lower(hex(id)) from orders").expect("orders");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("orders");
        let there: std::collections::HashSet<String> = rows.map(|row| row.expect("an order")).collect();
        let missing: Vec<&String> = self.orders.iter().filter(|order| !there.contains(&order.replace('-', ""))).collect();
        assert!(missing.is_empty(), "{} of {} acknowledged orders are gone", missing.len(), self.orders.len());
        let doctor = machine.run("bayader doctor --data-dir /var/lib/bayader --config /etc/bayader/bayader.toml");
        assert!(doctor.status.success(), "{}", told(&doctor));
        let (status, _): (u16, Value) = machine.ask("GET", "/healthz", None, None);
        assert_eq!(status, 200, "{}", machine.journal());
    }
}
