#!/usr/bin/env bash
# Installs EL-Bayader on Debian or Ubuntu, or upgrades what is installed. Run it as often as you like: each step is done only where
# it is missing, and one that was interrupted is done again.
#
#   sudo ./install.sh [--binary FILE] [--domain NAME --email ADDRESS] [--port N] [--with-litestream [--litestream FILE]] [--force]
#   sudo ./install.sh --uninstall
#
#   --binary FILE       the program; without it, it is built from this folder with Rust
#   --domain NAME       the shop's name in the internet: HTTPS by a certificate of Let's Encrypt (ports 80 and 443 of NAME lead here)
#   --email ADDRESS     whom Let's Encrypt warns if something is wrong with the certificate
#   --port N            the port of the shop's page [80, or the next free one from 8080 on]
#   --with-litestream   point-in-time recovery: every change is copied within seconds
#   --litestream FILE   the program Litestream, where the distribution has none
#   --force             upgrade although the shop is not well
#   --uninstall         take the program away; the shop's data and its configuration stay
#
# It makes: the user bayader, /usr/local/bin/bayader, /usr/local/lib/bayader/ (the program before this one), units in
# /etc/systemd/system, /etc/bayader/bayader.toml (never overwritten), /var/lib/bayader/ (the shop).
set -euo pipefail
umask 022

# Before anything of this machine is looked at: below which folder it lies. For the tests.
root=${DESTDIR:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

bin=$root/usr/local/bin/bayader
lib=$root/usr/local/lib/bayader
units=$root/etc/systemd/system
data=$root/var/lib/bayader
etc=$root/etc/bayader
config=$etc/bayader.toml

# What building takes at its height with room to spare (its folder grows to 1.7 GB), and what a shop needs to begin with.
BUILD_MEMORY_MB=3000
BUILD_DISK_MB=3000
SHOP_DISK_MB=300
# How often the new server is asked, a second apart, until it counts as not well.
patience=${BAYADER_PATIENCE:-90}

binary='' domain='' email='' port='' uninstall=no litestream=no litestream_binary='' force=()

say() { echo "==> $*"; }
fail() {
    echo "install.sh: $*" >&2
    exit 1
}
# What is put into /etc/systemd/system.
UNITS=(bayader.service bayader@.service bayader-upgrade.service bayader-judge.service bayader-backup.service bayader-backup.timer
    bayader-litestream.service bayader.socket bayader-https.socket bayader-metrics.socket)

usage() { sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

as_user=(setpriv --reuid=bayader --regid=bayader --init-groups -- env -i PATH="$PATH" HOME="$data")
as_shop() { (cd / && exec "${as_user[@]}" "$@"); }

read_arguments() {
    while (($# > 0)); do
        case $1 in
            --binary | --domain | --email | --port | --litestream)
                (($# > 1)) || fail "$1 needs a value. See: ./install.sh --help"
                case $1 in
                    --binary) binary=$2 ;;
                    --domain) domain=$2 ;;
                    --email) email=$2 ;;
                    --port) port=$2 ;;
                    --litestream) litestream_binary=$2 ;;
                esac
                shift 2
                ;;
            --with-litestream) litestream=yes && shift ;;
            --uninstall) uninstall=yes && shift ;;
            --force) force=(--force) && shift ;;
            -h | --help) usage && exit 0 ;;
            *) fail "$1 is not known. See: ./install.sh --help" ;;
        esac
    done
    [[ -z $port || ($port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535) ]] || fail "--port $port is no port: 1 to 65535"
    [[ -z $domain || $domain =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]] || fail "--domain $domain is no name such as shop.example.com"
    [[ -z $domain || $email =~ ^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$ ]] || fail "--domain needs --email ADDRESS, whom Let's Encrypt warns if something is wrong with the certificate"
    [[ -z $domain || -z $port ]] || fail "--port does not go with --domain: a certificate needs the ports 80 and 443"
    [[ -z $binary || -f $binary ]] || fail "there is no file $binary. Give the program's path to --binary"
    [[ -z $litestream_binary || -f $litestream_binary ]] || fail "there is no file $litestream_binary. Give Litestream's path to --litestream"
    if [[ -n $binary ]]; then binary=$(realpath "$binary"); fi
    if [[ -n $litestream_binary ]]; then litestream=yes; fi
}

# --- what is there --------------------------------------------------------------------------------------------------------------

check_machine() {
    local id='' like='' name='this system' key value
    if [[ -r $root/etc/os-release ]]; then
        while IFS='=' read -r key value; do
            value=${value//\"/}
            case $key in ID) id=$value ;; ID_LIKE) like=$value ;; PRETTY_NAME) name=$value ;; esac
        done < "$root/etc/os-release"
    fi
    [[ " $id $like " =~ \ (debian|ubuntu)\  ]] || fail "this installs on Debian and Ubuntu; this is $name. Elsewhere run the program itself: bayader serve --help"
    [[ -d $root/run/systemd/system ]] || fail "systemd does not run here (a container?). Run the program itself: bayader serve --help"
    [[ $(id -u) == 0 ]] || fail "this must be run as root: sudo ./install.sh"
    local tool
    for tool in systemctl setpriv flock install sync useradd getent; do
        command -v "$tool" > /dev/null || fail "the program $tool is missing. Install it: apt-get install util-linux coreutils passwd systemd"
    done
    if [[ $uninstall == yes ]]; then return 0; fi
    for tool in "${UNITS[@]}" bayader-upgrade litestream.yml; do
        [[ -f $here/systemd/$tool ]] || fail "$here/systemd/$tool is missing. Keep install.sh together with the folder systemd/ it came with"
    done
}

free_mb() { # FOLDER, or the nearest above that exists
    local folder=$1
    while [[ ! -d $folder ]]; do folder=$(dirname "$folder"); done
    df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }'
}

check_room() {
    local have
    have=$(free_mb "$data")
    ((have >= SHOP_DISK_MB)) || fail "the shop needs $SHOP_DISK_MB MB of disk to begin with, /var/lib has $have. Make room, then run this again"
}

# --- the program ----------------------------------------------------------------------------------------------------------------

# Sets `binary` to a program that runs here.
find_program() {
    if [[ -z $binary ]]; then build; fi
    local version
    version=$("$binary" --version 2>&1) || fail "$binary does not run here: $version. Is it for another kind of machine ($(uname -m))?"
    [[ $version == bayader\ * ]] || fail "$binary is not bayader: it calls itself $version"
    say "the program: $version"
}

build() {
    [[ -f $here/Cargo.toml ]] || fail "there is no source in $here to build from. Name the program: ./install.sh --binary FILE"
    # One place says which Rust: Cargo.toml.
    local rust have
    rust=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$here/Cargo.toml")
    have=$(awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1024) }' "$root/proc/meminfo")
    ((have >= BUILD_MEMORY_MB)) || fail "building needs $BUILD_MEMORY_MB MB of free memory (swap counts), there are $have. Build on a larger machine and bring the program: ./install.sh --binary FILE"
    have=$(free_mb "$here")
    ((have >= BUILD_DISK_MB)) || fail "building needs $BUILD_DISK_MB MB of disk in $here, there are $have. Make room, or bring the program: ./install.sh --binary FILE"
    # Whoever called sudo has Rust, and the folder is theirs.
    local home=${HOME:-/root} owner=()
    if [[ -n ${SUDO_USER:-} && $SUDO_USER != root ]]; then
        home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
        owner=(setpriv --reuid="$SUDO_USER" --regid="$(id -g "$SUDO_USER")" --init-groups --)
    fi
    owner+=(env HOME="$home" PATH="$home/.cargo/bin:$PATH")
    local cargo=(cargo)
    if "${owner[@]}" rustup --version > /dev/null 2>&1; then
        "${owner[@]}" rustup toolchain install "$rust" --profile minimal || fail "Rust $rust could not be fetched. Is there a way to the internet? Or bring the program: ./install.sh --binary FILE"
        cargo+=("+$rust")
    else
        have=$("${owner[@]}" cargo --version 2> /dev/null) || fail "building needs Rust $rust, and none was found. Install rustup (https://rustup.rs, or apt-get install rustup), or bring the program: ./install.sh --binary FILE"
        [[ $have == "cargo $rust."* ]] || fail "building needs Rust $rust, there is $have. Install rustup (https://rustup.rs, or apt-get install rustup), which brings it, or bring the program: ./install.sh --binary FILE"
    fi
    command -v cc > /dev/null || fail "building needs a C compiler. Install it: apt-get install build-essential"
    say "building with Rust $rust; this takes 10 to 30 minutes"
    (cd "$here" && "${owner[@]}" "${cargo[@]}" build --release --locked) || fail "the program could not be built; the lines above say why"
    binary=$here/target/release/bayader
}

# One file in the place of another, at once, only where it differs. True if it was put there.
put() { # FROM TO MODE
    if cmp -s "$1" "$2"; then return 1; fi
    install -m "$3" "$1" "$2.part"
    sync "$2.part"
    mv -f "$2.part" "$2"
    sync "$(dirname "$2")"
}

put_units() {
    local unit changed=no
    mkdir -p "$units" "$lib/state"
    for unit in "${UNITS[@]}"; do
        if put "$here/systemd/$unit" "$units/$unit" 0644; then changed=yes; fi
    done
    put "$here/systemd/bayader-upgrade" "$lib/bayader-upgrade" 0755 || true
    if [[ -f $here/README.md ]]; then put "$here/README.md" "$lib/README.md" 0644 || true; fi
    put_port
    if [[ $changed == yes ]]; then say "units in /etc/systemd/system"; fi
    systemctl daemon-reload
}

# --- user, folders, configuration -----------------------------------------------------------------------------------------------

make_user() {
    if getent passwd bayader > /dev/null; then return 0; fi
    useradd --system --user-group --home-dir /var/lib/bayader --no-create-home --shell /usr/sbin/nologin bayader ||
        fail "the user bayader could not be made; the line above says why"
    say "user bayader"
}

make_folders() {
    mkdir -p "$root/usr/local/bin" "$lib/state" "$root/var/lib"
    install -d -o root -g bayader -m 0750 "$etc"
    install -d -o bayader -g bayader -m 0700 "$data"
}

configured() { sed -n "s/^ *$1 *= *\"\(.*\)\".*/\1/p" "$config" | head -n 1; }

is_free() { # PORT: nobody listens there, or the shop itself does
    local held=''
    if systemctl --quiet is-active bayader.socket 2> /dev/null && [[ $(configured_port) == "$1" ]]; then return 0; fi
    if command -v ss > /dev/null; then
        held=$(ss -Hltn "sport = :$1")
        [[ -z $held ]]
    else
        if (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then return 1; fi
    fi
}

configured_port() {
    if [[ ! -f $config ]]; then return 0; fi
    local listen
    listen=$(configured listen)
    echo "${listen##*:}"
}

# The port of a configuration that is there counts; else the wanted one, 80, or the next free one.
choose_port() {
    local had
    had=$(configured_port)
    if [[ -n $had ]]; then
        if [[ -n $port && $port != "$had" ]]; then
            say "the port stays $had: /etc/bayader/bayader.toml says so. To change it, change \`listen\` and \`public_url\` there, then run this again"
        fi
        port=$had
        return 0
    fi
    if [[ -n $port ]]; then
        is_free "$port" || fail "port $port is taken: ss -ltnp 'sport = :$port' says by whom. Stop that, or choose another with --port"
        return 0
    fi
    if [[ -n $domain ]] && ! is_free 443; then fail "port 443 is taken, and $domain needs it: ss -ltnp 'sport = :443' says by whom. Stop that (a web server?), then run this again"; fi
    for port in 80 $(seq 8080 8099); do
        if is_free "$port"; then break; fi
        if [[ $port == 80 && -n $domain ]]; then fail "port 80 is taken, and $domain needs it: ss -ltnp 'sport = :80' says by whom. Stop that (a web server?), then run this again"; fi
        if [[ $port == 8099 ]]; then fail "the ports 80 and 8080 to 8099 are taken. Choose one with --port"; fi
    done
    if [[ $port != 80 ]]; then say "port 80 is taken, so the shop takes port $port"; fi
}

lan_address() {
    local address
    address=$(ip -4 route get 192.0.2.1 2> /dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p' | head -n 1)
    if [[ -z $address ]]; then address=$(hostname -I 2> /dev/null | cut -d' ' -f1); fi
    echo "${address:-127.0.0.1}"
}

write_config() {
    if [[ -f $config ]]; then
        say "the configuration stays as it is: /etc/bayader/bayader.toml"
        if [[ -n $domain ]]; then say "for $domain set \`public_url\` and [tls] there as README.md describes, then run this again"; fi
        return 0
    fi
    local url
    url=http://$(lan_address)
    if [[ $port != 80 ]]; then url=$url:$port; fi
    if [[ -n $domain ]]; then url=https://$domain; fi
    local metrics='metrics_listen = "127.0.0.1:9464"'
    if ! is_free 9464; then
        say "port 9464 is taken, so there are no numbers for Prometheus; metrics_listen in /etc/bayader/bayader.toml takes another"
        metrics="# $metrics"
    fi
    {
        cat << TOML
# What the keeper of this machine decides; what the owner decides stands in the shop's settings. All keys: README.md, "Configuration".
# After a change:
#   sudo bayader config check --config /etc/bayader/bayader.toml --data-dir /var/lib/bayader
#   sudo systemctl restart bayader.service

[server]
# The same port as in bayader.socket, which holds it: after a change run install.sh again.
listen = "0.0.0.0:$port"
# Where people reach the shop; links in messages begin with it. Behind a proxy: its address, and the proxy in trusted_proxies.
public_url = "$url"
# Numbers for Prometheus, on this machine alone.
$metrics

TOML
        if [[ -n $domain ]]; then
            cat << TOML
[tls]
mode = "acme"
domains = ["$domain"]
# Whom the authority warns if something is wrong with the certificate.
email = "$email"

TOML
        fi
        cat << 'TOML'
# [backup]
# Another disk is better: a folder of the user bayader. Let both units write there, with these two lines in a drop-in
# (systemctl edit bayader.service, systemctl edit bayader-backup.service):
#   [Service]
#   ReadWritePaths=/mnt/backups
# folder = "/mnt/backups"
# Who finds an unsealed backup has the shop: make a key with age-keygen, keep it elsewhere, and name its public half.
# seal_to = "age1..."

# [mail]
# adapter = "smtp"
# from = "Bakery <shop@example.com>"
# host = "smtp.example.com"
# username = "shop@example.com"
# A secret in a file of its own, out of this one:
# password_file = "/etc/bayader/mail-password"
TOML
    } > "$config.part"
    chown root:bayader "$config.part"
    chmod 0640 "$config.part"
    sync "$config.part"
    mv -f "$config.part" "$config"
    say "configuration in /etc/bayader/bayader.toml"
}

# The socket's port, where it is another than that of the unit.
put_port() {
    local folder=$units/bayader.socket.d wanted
    wanted=$(configured_port)
    if [[ ${wanted:-80} == 80 ]]; then
        rm -f "$folder/port.conf"
        return 0
    fi
    mkdir -p "$folder"
    printf '# Written by install.sh from "listen" in /etc/bayader/bayader.toml.\n[Socket]\nListenStream=\nListenStream=%s\n' "$wanted" > "$folder/port.part"
    if put "$folder/port.part" "$folder/port.conf" 0644; then port_moved=yes; fi
    rm -f "$folder/port.part"
}
port_moved=no

# --- start ----------------------------------------------------------------------------------------------------------------------

start() {
    local https=()
    if grep -Eq '^ *mode *= *"(acme|files)"' "$config"; then https=(bayader-https.socket); fi
    # A socket cannot be changed, and none can be added, while the server runs.
    if [[ $port_moved == yes ]] || { ((${#https[@]} > 0)) && ! systemctl --quiet is-active bayader-https.socket; }; then
        systemctl stop bayader.service bayader.socket 2> /dev/null || true
    fi
    local socket
    for socket in bayader.socket "${https[@]}"; do
        systemctl enable --quiet "$socket"
        if systemctl --quiet is-active "$socket"; then continue; fi
        systemctl start "$socket" || fail "the port of $socket cannot be listened on: systemctl status $socket. If another program has it, stop that or change \`listen\` in /etc/bayader/bayader.toml; then run this again"
    done
    if [[ $(configured metrics_listen) == 127.0.0.1:9464 ]] && ! systemctl --quiet is-active bayader.service; then
        systemctl enable --quiet bayader-metrics.socket
        systemctl start bayader-metrics.socket || fail "port 9464 cannot be listened on: systemctl status bayader-metrics.socket. Change metrics_listen in /etc/bayader/bayader.toml, then run this again"
    fi
    systemctl enable --quiet bayader-backup.timer bayader.service
    systemctl start bayader-backup.timer
    say "starting"
    systemctl start bayader.service || fail "the shop does not start: journalctl -u bayader.service says why. Mend that, then run this again; nothing is lost"
    local look
    for ((look = 0; ; look++)); do
        if as_shop "$bin" health --data-dir "$data" --config "$config" > /dev/null 2>&1; then break; fi
        ((look < patience)) || fail "the shop was started but does not answer: journalctl -u bayader.service says why. Mend that, then run this again; nothing is lost"
        sleep 1
    done
}

# The copy that is made every second. What it takes to restore: docs/recovery.md.
set_up_litestream() {
    local program=$root/usr/local/bin/litestream found
    if [[ -n $litestream_binary ]]; then
        put "$litestream_binary" "$program" 0755 || true
    elif [[ ! -x $program ]]; then
        command -v litestream > /dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends litestream > /dev/null 2>&1 || true
        found=$(command -v litestream) || fail "this distribution has no Litestream. Fetch it from https://litestream.io/install/ and name it: ./install.sh --litestream FILE. The shop itself is installed and runs"
        ln -sf "$found" "$program"
    fi
    if [[ ! -f $etc/litestream.yml ]]; then
        install -m 0640 -o root -g bayader "$here/systemd/litestream.yml" "$etc/litestream.yml.part"
        mv -f "$etc/litestream.yml.part" "$etc/litestream.yml"
    fi
    systemctl enable --quiet bayader-litestream.service
    systemctl restart bayader-litestream.service || fail "Litestream does not start: journalctl -u bayader-litestream.service says why. The shop itself runs"
    say "every change is copied by Litestream: /etc/bayader/litestream.yml says where to"
}

# The last three lines: address, code, backups.
tell() {
    local url code folder
    url=$(configured public_url)
    url=${url%/}
    folder=$(sed -n '/^ *\[backup\]/,/^ *\[[^b]/s/^ *folder *= *"\(.*\)".*/\1/p' "$config" | head -n 1)
    # It says no by an error where there is an owner; then nobody needs one.
    if code=$(as_shop "$bin" admin setup-code --data-dir "$data" --config "$config" 2> /dev/null) && [[ $code =~ ^[A-Z0-9]{4}-[A-Z0-9]{4}$ ]]; then
        url=$url/setup
        code="$code (15 minutes; another one: sudo bayader admin setup-code --data-dir /var/lib/bayader)"
    else
        code="none needed, the shop has an owner: sign in at $url"
    fi
    echo
    "$bin" qr "$url" 2> /dev/null || true
    echo
    echo "Address: $url"
    echo "Code:    $code"
    echo "Backups: ${folder:-/var/lib/bayader/backups}, made every night"
}

# --- away -----------------------------------------------------------------------------------------------------------------------

take_away() {
    local unit
    say "stopping the shop"
    systemctl stop 'bayader@*.service' || true
    rm -f "$units"/*.wants/bayader@*.service
    # Sockets before the server, or the next connection would start it again; the timer before what it starts.
    for unit in bayader-backup.timer bayader-litestream.service bayader.socket bayader-https.socket bayader-metrics.socket bayader.service; do
        if [[ -f $units/$unit ]]; then systemctl disable --now --quiet "$unit" || fail "$unit could not be stopped: systemctl status $unit. Run this again"; fi
    done
    rm -f "${UNITS[@]/#/$units/}"
    rm -f "$units/bayader.socket.d/port.conf"
    rmdir "$units/bayader.socket.d" 2> /dev/null || true
    systemctl daemon-reload
    rm -rf "$lib"
    rm -f "$bin"
    say "EL-Bayader is gone from this machine. The shop's data stay in /var/lib/bayader, its configuration in /etc/bayader"
    say "install.sh finds them again. To delete them for ever: sudo rm -r /var/lib/bayader /etc/bayader && sudo userdel bayader"
}

# --------------------------------------------------------------------------------------------------------------------------------

main() {
    read_arguments "$@"
    check_machine
    # An upgrade that somebody or a power cut has stopped is ended first, whichever way it goes.
    if [[ -f $lib/state/upgrade ]]; then "$lib/bayader-upgrade" settle; fi
    if [[ $uninstall == yes ]]; then
        take_away
        return
    fi
    check_room
    find_program
    make_user
    make_folders
    choose_port
    write_config
    if [[ -x $bin && -f $data/bayader.db && -f $units/bayader.service && -x $lib/bayader-upgrade ]] && ! cmp -s "$binary" "$bin"; then
        rm -rf "$lib/next"
        mkdir -p "$lib/next/units"
        install -m 0755 "$binary" "$lib/next/bayader"
        install -m 0755 "$here/systemd/bayader-upgrade" "$lib/next/bayader-upgrade"
        install -m 0644 "${UNITS[@]/#/$here/systemd/}" "$lib/next/units/"
        sync "$lib"/next/* "$lib"/next/units/*
        "$here/systemd/bayader-upgrade" run "${force[@]}"
    else
        put "$binary" "$bin" 0755 || true
    fi
    put_units
    start
    if [[ $litestream == yes ]]; then set_up_litestream; fi
    tell
}

main "$@"
